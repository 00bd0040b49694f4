#!/bin/sh
# Asks the Attune API to download packs into a directory.
set -u
PACK_LIB=$(dirname -- "$0")/../lib
. "$PACK_LIB/params.sh"
. "$PACK_LIB/json.sh"
. "$PACK_LIB/http.sh"
. "$PACK_LIB/api.sh"

# fail SOURCE MESSAGE: prints a result of the usual shape that holds the error.
fail() {
    printf '{"downloaded_packs":[],"failed_packs":[{"source":%s,"error":%s}],"total_count":0,"success_count":0,"failure_count":1}\n' \
        "$(json_string "$1")" "$(json_string "$2")"
    printf 'download_packs: %s\n' "$2" >&2
    exit 1
}

read_params packs destination_dir registry_url ref_spec timeout verify_ssl api_url api_token
[ -n "$P_packs" ] || fail input "packs is required"
packs=$(json_strings "$P_packs" 1) || fail input "packs must be a JSON array with at least one non-empty string"
[ -n "$P_destination_dir" ] || fail input "destination_dir is required"
timeout=$(bounded "$P_timeout" 300 10 3600)
verify_ssl=true
[ -z "$P_verify_ssl" ] || verify_ssl=$(json_bool "$P_verify_ssl")

body="{\"packs\":$packs,\"destination_dir\":$(json_string "$P_destination_dir")"
[ -z "$P_registry_url" ] || body="$body,\"registry_url\":$(json_string "$P_registry_url")"
[ -z "$P_ref_spec" ] || body="$body,\"ref_spec\":$(json_string "$P_ref_spec")"
body="$body,\"timeout\":$timeout,\"verify_ssl\":$verify_ssl}"

http_open
api_post /api/v1/packs/download $((timeout + 30)) "$body" || fail api "$API_ERROR"
printf '%s\n' "$API_DATA"
