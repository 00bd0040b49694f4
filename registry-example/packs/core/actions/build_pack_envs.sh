#!/bin/sh
# Asks the Attune API to build the Python and Node.js environments of packs.
set -u
PACK_LIB=$(dirname -- "$0")/../lib
. "$PACK_LIB/params.sh"
. "$PACK_LIB/json.sh"
. "$PACK_LIB/http.sh"
. "$PACK_LIB/api.sh"

# fail SOURCE MESSAGE: prints a result of the usual shape that holds the error.
fail() {
    printf '{"built_environments":[],"failed_environments":[{"pack_ref":%s,"pack_path":"","runtime":"unknown","error":%s}],"summary":{"total_packs":0,"success_count":0,"failure_count":1,"python_envs_built":0,"nodejs_envs_built":0,"total_duration_ms":0}}\n' \
        "$(json_string "$1")" "$(json_string "$2")"
    printf 'build_pack_envs: %s\n' "$2" >&2
    exit 1
}

read_params pack_paths packs_base_dir python_version nodejs_version skip_python skip_nodejs force_rebuild \
    timeout api_url api_token
[ -n "$P_pack_paths" ] || fail input "pack_paths is required"
paths=$(json_strings "$P_pack_paths" 0) || fail input "pack_paths must be a JSON array of non-empty strings"
timeout=$(bounded "$P_timeout" 600 60 3600)

body="{\"pack_paths\":$paths"
[ -z "$P_packs_base_dir" ] || body="$body,\"packs_base_dir\":$(json_string "$P_packs_base_dir")"
body="$body,\"python_version\":$(json_string "${P_python_version:-3.11}")"
body="$body,\"nodejs_version\":$(json_string "${P_nodejs_version:-20}")"
body="$body,\"skip_python\":$(json_bool "$P_skip_python"),\"skip_nodejs\":$(json_bool "$P_skip_nodejs")"
body="$body,\"force_rebuild\":$(json_bool "$P_force_rebuild"),\"timeout\":$timeout}"

http_open
api_post /api/v1/packs/build-envs $((timeout + 30)) "$body" || fail api "$API_ERROR"
printf '%s\n' "$API_DATA"
