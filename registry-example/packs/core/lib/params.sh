# Reads action parameters: one key='value' line each, on standard input.
#
# The worker flattens nested objects with dots, writes arrays as compact JSON,
# writes a quote inside a value as '\'' and leaves out the last newline.
# A quoted value may span several lines.

# Appends the next part of a quoted value to $_value.
# Status 0: the closing quote was found. Status 1: the value goes on.
_params_unquote() {
    while :; do
        case $_rest in
        *\'*)
            _value=$_value${_rest%%\'*}
            _rest="'"${_rest#*\'}
            case $_rest in
            "'\\''"*)
                _value="$_value'"
                _rest=${_rest#"'\\''"}
                ;;
            *) return 0 ;;
            esac
            ;;
        *)
            _value=$_value$_rest
            return 1
            ;;
        esac
    done
}

# read_params NAME...: sets P_NAME for every named parameter, empty when absent.
# Members of an object parameter ("headers.Accept") are collected in P_MEMBERS,
# one "object.member: value" per line, line breaks turned into spaces. Names that were not asked for are ignored.
read_params() {
    _newline='
'
    _names=" $* "
    P_MEMBERS=
    for _key in "$@"; do
        eval "P_$_key="
    done
    while IFS= read -r _line || [ -n "$_line" ]; do
        case $_line in
        '#'* | '') continue ;;
        *=*) ;;
        *) continue ;;
        esac
        _key=${_line%%=*}
        _rest=${_line#*=}
        case $_rest in
        \'*)
            _value=
            _rest=${_rest#\'}
            until _params_unquote; do
                _last=
                IFS= read -r _rest || _last=yes
                [ -n "$_last" ] && [ -z "$_rest" ] && break
                _value="$_value
"
            done
            ;;
        \"*\")
            _value=${_rest#\"}
            _value=${_value%\"}
            ;;
        *) _value=$_rest ;;
        esac
        case $_key in
        *.*)
            case $_names in
            *" ${_key%%.*} "*)
                while :; do
                    case $_value in
                    *"$_newline"*) _value="${_value%%"$_newline"*} ${_value#*"$_newline"}" ;;
                    *) break ;;
                    esac
                done
                P_MEMBERS="$P_MEMBERS$_key: $_value
"
                ;;
            esac
            ;;
        *)
            case $_names in
            *" $_key "*) eval "P_$_key=\$_value" ;;
            esac
            ;;
        esac
    done
}

# is_true VALUE: status 0 for the spellings of true that workers send.
is_true() {
    case $1 in
    true | True | TRUE | yes | Yes | YES | 1) return 0 ;;
    *) return 1 ;;
    esac
}

# is_number VALUE: status 0 for a whole number without sign, at most nine digits.
is_number() {
    case $1 in
    '' | *[!0-9]* | ??????????*) return 1 ;;
    *) return 0 ;;
    esac
}

# bounded VALUE DEFAULT MIN MAX: prints VALUE as a plain number inside the bounds,
# or DEFAULT when VALUE is not a number.
bounded() {
    is_number "$1" || {
        printf '%s' "$2"
        return
    }
    _number=$1
    while :; do
        case $_number in
        0?*) _number=${_number#0} ;;
        *) break ;;
        esac
    done
    [ "$_number" -lt "$3" ] && _number=$3
    [ "$_number" -gt "$4" ] && _number=$4
    printf '%s' "$_number"
}
