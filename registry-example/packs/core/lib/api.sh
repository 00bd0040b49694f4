# Calls of the Attune API, shared by the four installation actions.
# The caller has read its parameters and sets PACK_LIB.

# api_post PATH SECONDS BODY: on success the "data" object lies in API_DATA.
# On failure the status is 1 and API_ERROR says why.
api_post() {
    API_DATA=
    API_ERROR=
    _base=${P_api_url:-${ATTUNE_API_URL:-http://localhost:8080}}
    _base=${_base%/}
    _token=${P_api_token:-${ATTUNE_API_TOKEN:-${ATTUNE_TOKEN:-}}}
    case $_token in
    *[[:cntrl:]\ ]*)
        API_ERROR="api_token holds a space or a control character"
        return 1
        ;;
    esac
    _headers="Content-Type: application/json
Accept: application/json
"
    [ -z "$_token" ] || _headers="${_headers}Authorization: Bearer $_token
"
    printf '%s' "$3" >"$HTTP_DIR/request_body"
    http_call POST "$_base$1" "$_headers" "$2" true 0
    if [ "$HTTP_STATUS" -eq 0 ]; then
        API_ERROR="API call failed: no answer from $_base: $HTTP_ERROR"
        return 1
    fi
    if [ "$HTTP_STATUS" -lt 200 ] || [ "$HTTP_STATUS" -gt 299 ]; then
        _message=$(json_text "$HTTP_DIR/body" message 2>/dev/null) ||
            _message=$(json_text "$HTTP_DIR/body" error 2>/dev/null) ||
            _message="the answer explains nothing"
        API_ERROR="API call failed (HTTP $HTTP_STATUS): $_message"
        return 1
    fi
    API_DATA=$(json_member "$HTTP_DIR/body" data) || {
        API_ERROR="API call failed (HTTP $HTTP_STATUS): the answer is not JSON with a data member"
        return 1
    }
}
