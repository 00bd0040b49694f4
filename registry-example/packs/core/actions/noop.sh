#!/bin/sh
# Does nothing, and ends with the wanted exit code.
set -u
PACK_LIB=$(dirname -- "$0")/../lib
. "$PACK_LIB/params.sh"
. "$PACK_LIB/json.sh"

read_params message exit_code
[ -n "$P_exit_code" ] || P_exit_code=0
is_number "$P_exit_code" || {
    printf 'noop: exit_code must be a whole number from 0 to 255\n' >&2
    exit 2
}
code=$(bounded "$P_exit_code" 0 0 255)
printf '{"message":%s,"exit_code":%s}\n' "$(json_string "$P_message")" "$code"
[ "$code" -eq 0 ] || printf 'noop: ending with exit code %s as asked\n' "$code" >&2
exit "$code"
