#!/bin/sh
# check_tree.sh ROOT PACKS NEW: after a cut, the tree is the old one or the new one, and the next build heals it.
set -eu
root=$1 packs=$2 new=$3
here=$(cd "$(dirname "$0")" && pwd)
python3 "$here/check_tree.py" "$root/tree" "$new" "$FINISHED"
"$ATTUNE" registry build "$packs" --out "$root/tree" -q >/dev/null 2>"$root/err" || { cat "$root/err"; echo "the next build failed"; exit 1; }
python3 "$here/check_tree.py" "$root/tree" "$new" 1
[ -z "$(ls -A "$root/tree.state/staging" 2>/dev/null)" ] || { echo "staging was not swept"; exit 1; }
