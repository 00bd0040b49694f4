#!/bin/sh
# Asks the Attune API which packs and runtimes some pack directories need.
set -u
PACK_LIB=$(dirname -- "$0")/../lib
. "$PACK_LIB/params.sh"
. "$PACK_LIB/json.sh"
. "$PACK_LIB/http.sh"
. "$PACK_LIB/api.sh"

# fail SOURCE MESSAGE: prints a result of the usual shape that holds the error.
fail() {
    printf '{"dependencies":[],"runtime_requirements":{},"missing_dependencies":[],"analyzed_packs":[],"errors":[{"pack_path":%s,"error":%s}]}\n' \
        "$(json_string "$1")" "$(json_string "$2")"
    printf 'get_pack_dependencies: %s\n' "$2" >&2
    exit 1
}

read_params pack_paths skip_validation api_url api_token
[ -n "$P_pack_paths" ] || fail input "pack_paths is required"
paths=$(json_strings "$P_pack_paths" 0) || fail input "pack_paths must be a JSON array of non-empty strings"

http_open
api_post /api/v1/packs/dependencies 60 \
    "{\"pack_paths\":$paths,\"skip_validation\":$(json_bool "$P_skip_validation")}" || fail api "$API_ERROR"
printf '%s\n' "$API_DATA"
