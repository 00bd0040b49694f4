#!/bin/sh
# check_yank.sh ROOT: after a cut, each index says the version is yanked or says it is not; the same command again settles it.
set -eu
root=$1
here=$(cd "$(dirname "$0")" && pwd)
python3 "$here/check_yank.py" "$root/tree" "$FINISHED"
"$ATTUNE" pack yank slack@1.0.0 --tree "$root/tree" --reason broken -q >/dev/null 2>"$root/err" || { cat "$root/err"; echo "the same command again failed"; exit 1; }
python3 "$here/check_yank.py" "$root/tree" 1
[ -z "$(ls -A "$root/tree.state/staging" 2>/dev/null)" ] || { echo "staging was not swept"; exit 1; }
