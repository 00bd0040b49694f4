#!/bin/sh
# Waits for a number of seconds.
set -u
PACK_LIB=$(dirname -- "$0")/../lib
. "$PACK_LIB/params.sh"
. "$PACK_LIB/json.sh"

read_params seconds message
is_number "$P_seconds" || {
    printf 'sleep: seconds must be a whole number from 0 to 3600\n' >&2
    exit 2
}
seconds=$(bounded "$P_seconds" 0 0 999999999)
[ "$seconds" -le 3600 ] || {
    printf 'sleep: seconds must be at most 3600, not %s\n' "$seconds" >&2
    exit 2
}
sleep "$seconds"
printf '{"slept_seconds":%s,"message":%s}\n' "$seconds" "$(json_string "$P_message")"
