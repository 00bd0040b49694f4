#!/bin/sh
# check_fetch.sh ROOT: after a cut, the target is whole or not there, and fetching elsewhere works.
set -eu
root=$1
export ATTUNE__PACKS_BASE_DIR="$root/packs"
fail() { echo "$*"; exit 1; }
whole() { # DIR
    [ "$(sh "$1/slack/actions/run.sh")" = 1.0.0 ] && [ -x "$1/slack/actions/run.sh" ] &&
        cmp -s "$1/slack-1.0.0.tar.gz" "$TREE/archives/slack/slack-1.0.0.tar.gz" &&
        [ "$(ls -A "$1" | wc -l)" = 2 ]
}
if [ -e "$root/out" ]; then whole "$root/out" || fail "the target is not whole"
else [ "$FINISHED" = 0 ] || fail "acknowledged, and not there"; fi
"$ATTUNE" pack fetch slack@1.0.0 --archive --registry "$TREE" --to "$root/again" >"$root/said" 2>&1 || { cat "$root/said"; fail "the next fetch failed"; }
whole "$root/again" || fail "the next one is not whole"
[ -z "$(ls -A "$root" | grep '^.attune-fetch-')" ] || fail "what the cut left is still there"
