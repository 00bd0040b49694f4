#!/bin/sh
# check_git.sh ROOT URL COMMIT: after a cut or a failure, what is cached of a commit is that commit or counts as not cached, and the
# packs are as check_packs.sh demands.
set -eu
root=$1 url=$2 commit=$3
fail() { echo "$*"; exit 1; }
other() { ATTUNE__PACKS_BASE_DIR="$root/other" "$ATTUNE" pack install "$url" --ref "$commit" "$@" >"$root/out" 2>&1; }
mkdir -p "$root/other/.attune"
[ ! -d "$root/packs/.attune/cache" ] || cp -a "$root/packs/.attune/cache" "$root/other/.attune/cache"
other --offline || grep -q "is not cached" "$root/out" || { cat "$root/out"; fail "the cache stands in the way"; }
other || { cat "$root/out"; fail "it cannot be installed elsewhere"; }
[ "$(sh "$root/other/slack/actions/run.sh")" = 1.0.0 ] && [ -x "$root/other/slack/actions/run.sh" ] || fail "the cache holds something else"
other --offline --force || { cat "$root/out"; fail "it is not cached afterwards"; }
rm -rf "$root/other"
exec sh "$(dirname "$0")/check_packs.sh" "$root" none 1.0.0
