#!/bin/sh
# check_takedown.sh ROOT: after a cut, the version is listed with its archive whole, or taken down; the same command again
# settles it, and nothing of the archive is left.
set -eu
root=$1
here=$(cd "$(dirname "$0")" && pwd)
python3 "$here/check_takedown.py" "$root/tree" "$FINISHED"
"$ATTUNE" registry takedown slack@1.0.0 --tree "$root/tree" --reason law --yes -q >/dev/null 2>"$root/err" || { cat "$root/err"; echo "the same command again failed"; exit 1; }
python3 "$here/check_takedown.py" "$root/tree" 1
"$ATTUNE" registry check "$root/tree" >"$root/out" 2>&1 || { cat "$root/out"; echo "the tree is damaged"; exit 1; }
[ -z "$(ls -A "$root/tree.state/staging" 2>/dev/null)" ] || { echo "staging was not swept"; exit 1; }
