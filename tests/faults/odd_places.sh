#!/bin/sh
# Installs, upgrades, goes back, mends and removes where things are not as usual; each row works or says why.
#
#   odd_places.sh ATTUNE-BINARY TREE          (called by run.sh; root, for mounts)
set -eu
attune=$1 tree=$2
work=$(mktemp -d); mounted=''
trap 'for m in $mounted; do umount -l "$m"; done; rm -rf "$work"' EXIT
: > "$work/rows"; : > "$work/bad"

mount_at() { # DIRECTORY OPTIONS…
    directory=$1; shift
    mkdir -p "$directory"
    mount -t tmpfs "$@" tmpfs "$directory"
    mounted="$directory $mounted"
}
row() { echo "$1" >> "$work/rows"; }
wrong() { echo "  bad: $*"; echo "$*" >> "$work/bad"; }

# The life of a pack below $base; stops with what went wrong.
life() {
    "$attune" pack install slack@1.0.0 --registry "$tree" &&
    "$attune" pack install slack@2.0.0 --registry "$tree" &&
    "$attune" pack rollback slack &&
    [ "$(sh "$base/slack/actions/run.sh")" = 1.0.0 ] &&
    echo damaged > "$base/slack/actions/run.sh" &&
    "$attune" pack verify --repair --registry "$tree" &&
    [ "$(sh "$base/slack/actions/run.sh")" = 1.0.0 ] && [ -x "$base/slack/actions/run.sh" ] &&
    "$attune" pack verify &&
    "$attune" pack uninstall slack --yes &&
    [ ! -e "$base/slack" ] &&
    "$attune" pack verify
}
works() { # NAME, with $base set; the environment is the row's
    row "$1"
    export ATTUNE__PACKS_BASE_DIR="$base"
    life > "$work/said" 2>&1 || { cat "$work/said"; wrong "$1"; }
}
# Says why: every command ends with a path, the words, and no panic; nothing is left behind.
says_why() { # NAME WORDS COMMAND…
    name=$1 words=$2; shift 2
    row "$name"
    if "$@" > "$work/said" 2>&1; then cat "$work/said"; wrong "$name: it works"; return; fi
    grep -q '^error: ' "$work/said" && grep -q "$words" "$work/said" && grep -q '`[^`]*/[^`]*`' "$work/said" ||
        { cat "$work/said"; wrong "$name"; }
    ! grep -q panicked "$work/said" || wrong "$name: it panicked"
}

export HOME="$work/home"; mkdir "$HOME"; cd "$work"

# File systems that take nothing.
mount_at "$work/ro"
base=$work/ro/packs; export ATTUNE__PACKS_BASE_DIR="$base"
"$attune" pack install slack@1.0.0 --registry "$tree" >/dev/null 2>&1
mount -o remount,ro "$work/ro"
for command in 'install slack@2.0.0' 'rollback --generation 1' 'uninstall slack --yes' 'verify --repair' 'prune'; do
    case $command in install*|verify*) registry="--registry $tree" ;; *) registry='' ;; esac
    says_why "read-only packs directory: $command" 'Read-only file system' "$attune" pack $command $registry
done
row reading; "$attune" pack verify > "$work/said" 2>&1 || { cat "$work/said"; wrong 'reading a read-only packs directory'; }
mount -o remount,rw "$work/ro"; works 'writable again'

# Homes.
base=$work/plain
(unset HOME; works 'no HOME')
HOME=/nonexistent works 'HOME that is not there'
mount_at "$work/full" -o size=4k,nr_inodes=2
: > "$work/full/a"
HOME=$work/full works 'HOME on a full disk'
base=$work/full/packs; export ATTUNE__PACKS_BASE_DIR="$base"
says_why 'packs directory on a full disk' 'No space left' "$attune" pack install slack@1.0.0 --registry "$tree"

# Modes: what is stored can be read by others whatever the caller's mask is; scripts stay executable.
for mask in 077 000; do
    base=$work/mask$mask
    (umask $mask; works "umask $mask")
    ATTUNE__PACKS_BASE_DIR=$base "$attune" pack install slack@1.0.0 --registry "$tree" >/dev/null 2>&1
    found=$(find "$base/.attune/store" -mindepth 1 ! -perm 755 ! -perm 644)
    [ -z "$found" ] || wrong "umask $mask: modes of $found"
    open=$(find "$base" ! -type l -perm /022)
    [ -z "$open" ] || [ $mask = 000 ] || wrong "umask $mask: others can write $open"
done

# Names.
base="$work/with space/and 'quotes' \$HOME/"; works 'spaces and quotes'
long=$(printf '%0255d' 0)
base=$work/$long; works 'a name of 255 bytes'
base=$work/$long/$long/$long; works 'a path of 800 bytes'
strange=$(printf 'caf\351-\377')
mkdir "$work/$strange"
cd "$work/$strange"
base=packs; works 'a working directory that is no UTF-8'
row 'a source that is no UTF-8'
"$attune" pack install "$work/$strange/packs" > "$work/said" 2>&1 && wrong 'a source that is no UTF-8: it works'
grep -q 'invalid UTF-8' "$work/said" || { cat "$work/said"; wrong 'a source that is no UTF-8'; }
cd "$work"
base=$work/$strange/packs; works 'a packs directory that is no UTF-8'

# Other file systems.
mount_at "$work/other" -o size=16m
base=$work/tmpdir
(export TMPDIR="$work/other"; works 'TMPDIR on another file system')
(export TMPDIR=/nonexistent; works 'TMPDIR that is not there')
mkdir -p "$work/link"; mount_at "$work/elsewhere" -o size=16m
ln -s "$work/elsewhere" "$work/link/packs"
base=$work/link/packs; works 'a packs directory that is a link to another file system'
mkdir -p "$work/split/.attune"; mount_at "$work/split/.attune" -o size=16m
base=$work/split; works 'a store on another file system than the links'

echo "$(wc -l < "$work/rows") odd places, $(wc -l < "$work/bad") bad"
[ ! -s "$work/bad" ]
