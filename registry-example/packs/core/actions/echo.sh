#!/bin/sh
# Prints a message back.
set -u
PACK_LIB=$(dirname -- "$0")/../lib
. "$PACK_LIB/params.sh"
. "$PACK_LIB/json.sh"

read_params message uppercase
if is_true "$P_uppercase"; then
    P_message=$(printf '%s.' "$P_message" | tr '[:lower:]' '[:upper:]')
    P_message=${P_message%.}
fi
printf '{"message":%s}\n' "$(json_string "$P_message")"
