#!/bin/sh
# check_packs.sh ROOT OLD NEW: after a cut or a failure, the pack is OLD or NEW (`none`: not installed), whole, and the next
# command works.
set -eu
root=$1 old=$2 new=$3
export ATTUNE__PACKS_BASE_DIR="$root/packs"
fail() { echo "$*"; exit 1; }
active() { # the version a reader sees
    if [ -e "$root/packs/slack" ]; then
        sed -n 's/^version: "\(.*\)"/\1/p' "$root/packs/slack/pack.yaml"
    else
        echo none
    fi
}
seen=$(active)
[ "$seen" = "$old" ] || [ "$seen" = "$new" ] || fail "a reader sees '$seen'"
[ "${FAILED:-0}" = 0 ] || [ "$seen" = "$old" ] || fail "it failed, and a reader sees '$seen'"
[ "$FINISHED" = 0 ] || [ "$seen" = "$new" ] || fail "acknowledged $new, a reader sees '$seen'"
if [ "$seen" != none ]; then
    [ "$(sh "$root/packs/slack/actions/run.sh")" = "$seen" ] || fail "files of another version"
    [ -x "$root/packs/slack/actions/run.sh" ] || fail "the execute bit is lost"
fi
"$ATTUNE" pack verify >"$root/out" 2>&1 || { cat "$root/out"; fail "verify failed"; }
listed=$("$ATTUNE" pack list --json 2>"$root/out" | python3 -c '
import json, sys
rows = json.load(sys.stdin)
rows = rows["packs"] if isinstance(rows, dict) else rows
print(next((r["version"] for r in rows if r["ref"] == "slack"), "none"))') || { cat "$root/out"; fail "list failed"; }
[ "$listed" = "$seen" ] || fail "the record says $listed, a reader sees $seen"
"$ATTUNE" pack install slack@2.0.0 --registry "$TREE" >"$root/out" 2>&1 || { cat "$root/out"; fail "the next install failed"; }
[ "$(active)" = 2.0.0 ] || fail "the next install did not take"
"$ATTUNE" pack verify >"$root/out" 2>&1 || { cat "$root/out"; fail "verify after the next install failed"; }
[ -z "$(ls -A "$root/packs/.attune/staging" 2>/dev/null)" ] || fail "staging was not swept"
