#!/bin/sh
# check_merge.sh ROOT ONE TWO: after a cut, the merged tree lists what it listed or both versions, with their archives; the
# same command again settles it.
set -eu
root=$1 one=$2 two=$3
here=$(cd "$(dirname "$0")" && pwd)
python3 "$here/check_merge.py" "$root/tree" "$FINISHED"
"$ATTUNE" registry merge "$one" "$two" --out "$root/tree" -q >/dev/null 2>"$root/err" || { cat "$root/err"; echo "the same command again failed"; exit 1; }
python3 "$here/check_merge.py" "$root/tree" 1
"$ATTUNE" registry check "$root/tree" >"$root/out" 2>&1 || { cat "$root/out"; echo "the tree is damaged"; exit 1; }
[ -z "$(ls -A "$root/tree.state/staging" 2>/dev/null)" ] || { echo "staging was not swept"; exit 1; }
