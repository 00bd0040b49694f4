#!/bin/sh
# Asks the Attune API to register packs and their components.
set -u
PACK_LIB=$(dirname -- "$0")/../lib
. "$PACK_LIB/params.sh"
. "$PACK_LIB/json.sh"
. "$PACK_LIB/http.sh"
. "$PACK_LIB/api.sh"

# fail SOURCE STAGE MESSAGE: prints a result of the usual shape that holds the error.
fail() {
    printf '{"registered_packs":[],"failed_packs":[{"pack_ref":%s,"pack_path":"","error":%s,"error_stage":%s}],"summary":{"total_packs":0,"success_count":0,"failure_count":1,"total_components":0,"duration_ms":0}}\n' \
        "$(json_string "$1")" "$(json_string "$3")" "$(json_string "$2")"
    printf 'register_packs: %s\n' "$3" >&2
    exit 1
}

read_params pack_paths packs_base_dir skip_validation skip_tests force api_url api_token
[ -n "$P_pack_paths" ] || fail input input_validation "pack_paths is required"
paths=$(json_strings "$P_pack_paths" 0) ||
    fail input input_validation "pack_paths must be a JSON array of non-empty strings"

body="{\"pack_paths\":$paths"
[ -z "$P_packs_base_dir" ] || body="$body,\"packs_base_dir\":$(json_string "$P_packs_base_dir")"
body="$body,\"skip_validation\":$(json_bool "$P_skip_validation")"
body="$body,\"skip_tests\":$(json_bool "$P_skip_tests"),\"force\":$(json_bool "$P_force")}"

http_open
api_post /api/v1/packs/register-batch 300 "$body" || fail api api_call "$API_ERROR"
printf '%s\n' "$API_DATA"
