#!/bin/sh
# check_repair.sh ROOT: after a cut, the damaged file is as it was or mended and nothing else has changed; the same command
# again mends it.
set -eu
root=$1
export ATTUNE__PACKS_BASE_DIR="$root/packs"
fail() { echo "$*"; exit 1; }
script=$root/packs/slack/actions/run.sh
seen=$(sh "$script") || fail "a reader sees no script"
[ "$seen" = damaged ] || [ "$seen" = 1.0.0 ] || fail "a reader sees '$seen'"
[ "$FINISHED" = 0 ] || [ "$seen" = 1.0.0 ] || fail "acknowledged, a reader sees '$seen'"
grep -q '^version: "1.0.0"$' "$root/packs/slack/pack.yaml" || fail "another file has changed"
"$ATTUNE" pack verify --repair --registry "$TREE" >"$root/out" 2>&1 || { cat "$root/out"; fail "the same command again failed"; }
[ "$(sh "$script")" = 1.0.0 ] && [ -x "$script" ] || fail "not mended"
"$ATTUNE" pack verify >"$root/out" 2>&1 || { cat "$root/out"; fail "verify failed"; }
"$ATTUNE" pack install slack@2.0.0 --registry "$TREE" >"$root/out" 2>&1 || { cat "$root/out"; fail "the next install failed"; }
[ -z "$(ls -A "$root/packs/.attune/staging" 2>/dev/null)" ] || fail "staging was not swept"
