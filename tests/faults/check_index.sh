#!/bin/sh
# check_index.sh ROOT OLD NEW: after a cut, the index is the old file or the new one, whole, and the next update works
# and sweeps what was left.
set -eu
root=$1 old=$2 new=$3
here=$(cd "$(dirname "$0")" && pwd)
python3 "$here/check_index.py" "$root/index.json" "$old" "$new" "$FINISHED"
next=$(mktemp -d); trap 'rm -rf "$next"' EXIT
printf 'ref: zip\nversion: "1.0.0"\n' > "$next/pack.yaml"
"$ATTUNE" pack index-update "$next" --index "$root/index.json" --git-url https://example.org/zip.git --git-ref v1.0.0 >"$root/out" 2>&1 ||
    { cat "$root/out"; echo "the next update failed"; exit 1; }
rm "$root/out"
grep -q '"ref": "zip"' "$root/index.json" || { echo "the next update did not take"; exit 1; }
left=$(ls -A "$root" | grep -v -e '^index.json$' -e '^lost+found$') || true
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
