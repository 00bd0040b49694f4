#!/bin/sh
# serve_once.sh WORK TREE COMMAND…: `attune pack COMMAND…` at a server that runs for it alone. What the server says is said after
# a command that fails: it alone knows the cause.
set -u
work=$1 tree=$2; shift 2
: > "$work/said"
"$ATTUNE" registry serve "$tree" --listen 127.0.0.1:0 > "$work/said" 2> "$work/err" &
server=$!
until grep -q http "$work/said"; do kill -0 "$server" 2>/dev/null || { cat "$work/err" >&2; exit 1; }; done
url=$(sed -n 's/.* \(http:[^ ]*\).*/\1/p' "$work/said")
ATTUNE_TOKEN="$(cat "$work/token")" ATTUNE__PACKS_BASE_DIR="$work/packs" "$ATTUNE" pack "$@" --registry "$url" -q
code=$?
kill "$server"; wait "$server"
[ $code = 0 ] || cat "$work/err" >&2
exit $code
