# One HTTP call, with python3 where it exists and curl otherwise.
# ATTUNE_HTTP_CLIENT=python3 or curl picks one. The caller sets PACK_LIB.
#
# Header lines travel on standard input, never in arguments, so that no token
# shows up in a list of processes.

HTTP_MAX_BYTES=16777216

# http_open: makes the private working directory. It is removed at exit.
http_open() {
    HTTP_DIR=
    trap 'http_close' EXIT
    trap 'http_close; exit 130' INT
    trap 'http_close; exit 143' TERM
    _umask=$(umask)
    umask 077
    HTTP_DIR=$(mktemp -d "${TMPDIR:-/tmp}/attune-http.XXXXXX") || {
        HTTP_DIR=
        printf 'cannot create a temporary directory\n' >&2
        exit 1
    }
    umask "$_umask"
}

http_close() {
    [ -z "$HTTP_DIR" ] || rm -rf "$HTTP_DIR"
    HTTP_DIR=
}

http_client() {
    case ${ATTUNE_HTTP_CLIENT:-} in
    python3 | curl) printf '%s' "$ATTUNE_HTTP_CLIENT" ;;
    *)
        if command -v python3 >/dev/null 2>&1; then
            printf 'python3'
        elif command -v curl >/dev/null 2>&1; then
            printf 'curl'
        fi
        ;;
    esac
}

# Escapes a value for a quoted string in a curl configuration file.
_http_curl_quote() {
    printf '%s\n' "$1" | LC_ALL=C awk '{
        for (i = 1; i <= length($0); i++) {
            c = substr($0, i, 1)
            if (c == "\"" || c == "\\") printf "%s", "\\"
            printf "%s", c
        }
    }'
}

# http_call METHOD URL HEADER_LINES SECONDS VERIFY REDIRECTS
# The body to send, if any, lies in $HTTP_DIR/request_body. Sets HTTP_STATUS (0 when
# there was no answer), HTTP_ERROR, HTTP_ELAPSED_MS and HTTP_URL. The answer lies in
# $HTTP_DIR/body and $HTTP_DIR/headers (one "Name: value" per line).
http_call() {
    HTTP_STATUS=0
    HTTP_ERROR=
    HTTP_ELAPSED_MS=0
    HTTP_URL=$2
    : >"$HTTP_DIR/body"
    : >"$HTTP_DIR/headers"
    case $2 in
    *[[:cntrl:]]*)
        HTTP_ERROR="the URL holds a control character"
        return
        ;;
    esac
    if [ "$(printf '%s.' "$3" | LC_ALL=C tr -d '\000-\011\013-\037\177')" != "$3." ]; then
        HTTP_ERROR="a header holds a control character"
        return
    fi
    case $2 in
    http://?* | https://?*) ;;
    *)
        HTTP_ERROR="the URL must start with http:// or https://"
        return
        ;;
    esac
    case $(http_client) in
    python3) _http_python "$@" ;;
    curl) _http_curl "$@" ;;
    *) HTTP_ERROR="neither python3 nor curl is installed" ;;
    esac
}

_http_python() {
    printf 'method: %s\nurl: %s\nseconds: %s\nverify: %s\nredirects: %s\nmax_bytes: %s\n\n%s' \
        "$1" "$2" "$4" "$5" "$6" "$HTTP_MAX_BYTES" "$3" |
        python3 -B "$PACK_LIB/http_call.py" "$HTTP_DIR" >"$HTTP_DIR/result" 2>"$HTTP_DIR/problem" || :
    {
        IFS= read -r HTTP_STATUS || :
        IFS= read -r HTTP_ELAPSED_MS || :
        IFS= read -r HTTP_URL || :
        IFS= read -r HTTP_ERROR || :
    } <"$HTTP_DIR/result"
    is_number "$HTTP_STATUS" || {
        HTTP_STATUS=0
        HTTP_ERROR="the HTTP client stopped unexpectedly"
    }
}

_http_curl() {
    set -- "$@" --silent --show-error --globoff --proto '=http,https' --connect-timeout 10 \
        --max-time "$4" --max-filesize "$HTTP_MAX_BYTES" --config - \
        --dump-header "$HTTP_DIR/head" --output "$HTTP_DIR/body" \
        --write-out '%{http_code} %{time_total} %{url_effective}'
    [ -s "$HTTP_DIR/request_body" ] && set -- "$@" --data-binary "@$HTTP_DIR/request_body"
    case $1 in
    HEAD) set -- "$@" --head ;;
    GET) [ -s "$HTTP_DIR/request_body" ] && set -- "$@" --request GET ;;
    POST) [ -s "$HTTP_DIR/request_body" ] || set -- "$@" --data-binary '' ;;
    *) set -- "$@" --request "$1" ;;
    esac
    [ "$5" = true ] || set -- "$@" --insecure
    [ "$6" -gt 0 ] && set -- "$@" --location --max-redirs "$6" --proto-redir '=http,https'
    _config="url = \"$(_http_curl_quote "$2")\""
    _config="$_config
$(printf '%s' "$3" | while IFS= read -r _header || [ -n "$_header" ]; do
        [ -n "$_header" ] && printf 'header = "%s"\n' "$(_http_curl_quote "$_header")"
    done)"
    shift 6
    : >"$HTTP_DIR/head"
    _code=0
    printf '%s\n' "$_config" | curl "$@" >"$HTTP_DIR/result" 2>"$HTTP_DIR/problem" || _code=$?
    IFS=' ' read -r HTTP_STATUS _seconds HTTP_URL <"$HTTP_DIR/result" || :
    HTTP_ELAPSED_MS=$(printf '%s\n' "${_seconds:-0}" | LC_ALL=C awk '{ sub(",", "."); printf "%d", $1 * 1000 }')
    # A redirect or an interim answer leaves several blocks. The last one counts.
    tr -d '\r' <"$HTTP_DIR/head" | LC_ALL=C awk '
        /^HTTP\// { n = 0; next }
        /:/ { line[++n] = $0 }
        END { for (i = 1; i <= n; i++) print line[i] }' >"$HTTP_DIR/headers"
    if [ "$_code" -ne 0 ]; then
        HTTP_STATUS=0
        HTTP_ERROR=$(head -n 1 "$HTTP_DIR/problem")
        HTTP_ERROR=${HTTP_ERROR#curl: ([0-9]) }
        HTTP_ERROR=${HTTP_ERROR#curl: ([0-9][0-9]) }
    else
        HTTP_STATUS=$(bounded "$HTTP_STATUS" 0 0 999)
    fi
}
