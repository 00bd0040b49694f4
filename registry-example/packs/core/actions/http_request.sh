#!/bin/sh
# Sends one HTTP request and prints the answer.
set -u
PACK_LIB=$(dirname -- "$0")/../lib
. "$PACK_LIB/params.sh"
. "$PACK_LIB/json.sh"
. "$PACK_LIB/http.sh"

fail() {
    printf 'http_request: %s\n' "$1" >&2
    exit "${2:-1}"
}

read_params url method headers body bearer_token timeout verify_ssl max_redirects fail_on_error
[ -n "$P_url" ] || fail "url is required" 2
method=${P_method:-GET}
case $method in
GET | HEAD | POST | PUT | PATCH | DELETE | OPTIONS) ;;
*) fail "method must be one of GET HEAD POST PUT PATCH DELETE OPTIONS" 2 ;;
esac
timeout=$(bounded "$P_timeout" 30 1 300)
redirects=$(bounded "$P_max_redirects" 5 0 20)
verify=true
[ -z "$P_verify_ssl" ] || verify=$(json_bool "$P_verify_ssl")

# Headers arrive flattened ("headers.Accept") or as one JSON object.
headers=
while IFS= read -r line; do
    case $line in
    headers.*) headers="$headers${line#headers.}
" ;;
    esac
done <<END
$P_MEMBERS
END
if [ -n "$P_headers" ]; then
    pairs=$(json_pairs "$P_headers") || fail "headers must be an object of names and plain values" 2
    headers="$headers$pairs
"
fi
[ -z "$P_bearer_token" ] || headers="${headers}Authorization: Bearer $P_bearer_token
"

http_open
[ -z "$P_body" ] || printf '%s' "$P_body" >"$HTTP_DIR/request_body"
http_call "$method" "$P_url" "$headers" "$timeout" "$verify" "$redirects"
[ "$HTTP_STATUS" -ne 0 ] || fail "no answer from the server: $HTTP_ERROR"

# Repeated headers are joined with commas, under lower-case names.
answer_headers=$(LC_ALL=C awk '{
    at = index($0, ":")
    name = tolower(substr($0, 1, at - 1))
    value = substr($0, at + 1)
    sub(/^[ \t]+/, "", value)
    if (name in seen) seen[name] = seen[name] ", " value
    else { seen[name] = value; order[++n] = name }
} END { for (i = 1; i <= n; i++) print order[i] ": " seen[order[i]] }' "$HTTP_DIR/headers")
object=
while IFS= read -r line; do
    [ -n "$line" ] || continue
    object=$object${object:+,}$(json_string "${line%%: *}"):$(json_string "${line#*: }")
done <<END
$answer_headers
END

success=false
[ "$HTTP_STATUS" -ge 200 ] && [ "$HTTP_STATUS" -le 299 ] && success=true
printf '{"status_code":%s,"success":%s,"url":%s,"elapsed_ms":%s,"headers":{%s},"body":' \
    "$HTTP_STATUS" "$success" "$(json_string "$HTTP_URL")" "$HTTP_ELAPSED_MS" "$object"
json_string_file "$HTTP_DIR/body"
printf ',"json":'
if MODE=check LC_ALL=C awk -f "$PACK_LIB/json.awk" <"$HTTP_DIR/body"; then
    cat "$HTTP_DIR/body"
else
    printf 'null'
fi
printf '}\n'
if [ "$success" = false ] && is_true "$P_fail_on_error"; then
    fail "the server answered with status $HTTP_STATUS"
fi
