#!/bin/sh
# check_served.sh ROOT WORK publish|yank [told]: after a cut, the tree is the old one or the new one, with all that was answered
# 20x (`told`: that the command ended well); the server starts again, and the same wish again comes true.
set -eu
root=$1 work=$2 what=$3
here=$(cd "$(dirname "$0")" && pwd)
acknowledged=$FINISHED
if [ "${4:-}" != told ]; then
    case $(python3 "$here/served.py" told "$work") in 20?) acknowledged=1 ;; *) acknowledged=0 ;; esac
fi
check() { # ACKNOWLEDGED
    case $what in
    publish) python3 "$here/check_tree.py" "$root/tree" 2.0.0 "$1" ;;
    yank) python3 "$here/check_yank.py" "$root/tree" "$1" ;;
    esac
}
check "$acknowledged"
server=''
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null || true' EXIT
: > "$work/again"
"$ATTUNE" registry serve "$root/tree" --listen 127.0.0.1:0 > "$work/again" 2> "$work/again.err" &
server=$!
until grep -q http "$work/again"; do kill -0 "$server" || { cat "$work/again.err"; echo "the server does not start again"; exit 1; }; done
url=$(sed -n 's/.* \(http:[^ ]*\).*/\1/p' "$work/again")
ATTUNE_TOKEN=$(cat "$work/token")
export ATTUNE_TOKEN ATTUNE__PACKS_BASE_DIR="$work/packs"
case $what in
publish) set -- publish "$work/slack-2.0.0.tar.gz" ;;
yank) set -- yank slack@1.0.0 --reason broken ;;
esac
"$ATTUNE" pack "$@" --registry "$url" -q > "$work/said-again" 2>&1 || { echo "the same wish again failed"; cat "$work/said-again"; exit 1; }
kill "$server"; wait "$server" || { echo "the server did not end well"; exit 1; }
server=''
check 1
"$ATTUNE" registry check "$root/tree" > "$work/checked" 2>&1 || { echo "registry check"; cat "$work/checked"; exit 1; }
[ -z "$(ls -A "$root/tree.state/staging" 2>/dev/null)" ] || { echo "staging was not swept"; exit 1; }
