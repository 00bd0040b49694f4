# JSON for shell actions. The caller sets PACK_LIB to this directory.

_json() {
    MODE=$1 NAME=${2-} LC_ALL=C awk -f "$PACK_LIB/json.awk"
}

# json_string TEXT: prints TEXT as a JSON string.
json_string() {
    printf '%s.' "$1" | _json encode
}

# json_string_file FILE: prints the content of FILE as a JSON string.
json_string_file() {
    { cat "$1"; printf '.'; } | _json encode
}

# json_bool VALUE: prints true or false.
json_bool() {
    if is_true "$1"; then printf 'true'; else printf 'false'; fi
}

# json_is_valid TEXT: status 0 for exactly one JSON value.
json_is_valid() {
    printf '%s\n' "$1" | _json check
}

# json_strings TEXT LEAST: prints a JSON array of at least LEAST non-empty strings. TEXT is
# such an array already, or a list separated by commas. Status 1 when it is neither.
json_strings() {
    case $1 in
    '['*)
        _count=$(printf '%s\n' "$1" | _json strings) || return 1
        [ "$_count" -ge "$2" ] || return 1
        printf '%s' "$1"
        ;;
    '') return 1 ;;
    *)
        _list=
        _left=$1,
        while [ -n "$_left" ]; do
            _item=${_left%%,*}
            _left=${_left#*,}
            while :; do
                case $_item in
                ' '*) _item=${_item# } ;;
                *' ') _item=${_item% } ;;
                *) break ;;
                esac
            done
            [ -n "$_item" ] && _list=$_list${_list:+,}$(json_string "$_item")
        done
        [ -n "$_list" ] || return 1
        printf '[%s]' "$_list"
        ;;
    esac
}

# json_member FILE NAME: prints the raw text of one member of the object in FILE.
json_member() {
    _json member "$2" <"$1"
}

# json_text FILE NAME: prints one string member, decoded.
json_text() {
    _json text "$2" <"$1"
}

# json_pairs TEXT: prints "name: value" for every scalar member of the object TEXT.
json_pairs() {
    printf '%s\n' "$1" | _json pairs
}
