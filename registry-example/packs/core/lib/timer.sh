# The arithmetic of the timer sensor: intervals, cron expressions, points in time.

# timer_seconds UNIT COUNT: prints the length of an interval in seconds.
timer_seconds() {
    is_number "$2" || return 1
    _count=$(bounded "$2" 0 0 999999)
    [ "$_count" -gt 0 ] || return 1
    case $1 in
    seconds) printf '%s' "$_count" ;;
    minutes) printf '%s' $((_count * 60)) ;;
    hours) printf '%s' $((_count * 3600)) ;;
    days) printf '%s' $((_count * 86400)) ;;
    *) return 1 ;;
    esac
}

# timer_stamp TIME: turns 2031-05-01T08:30:00Z into 20310501083000, which can be compared.
timer_stamp() {
    case $1 in
    [0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z) ;;
    *) return 1 ;;
    esac
    printf '%s' "$1" | tr -d 'TZ:-'
}

_timer_name() {
    case $1 in
    JAN) printf 1 ;; FEB) printf 2 ;; MAR) printf 3 ;; APR) printf 4 ;;
    MAY) printf 5 ;; JUN) printf 6 ;; JUL) printf 7 ;; AUG) printf 8 ;;
    SEP) printf 9 ;; OCT) printf 10 ;; NOV) printf 11 ;; DEC) printf 12 ;;
    SUN) printf 0 ;; MON) printf 1 ;; TUE) printf 2 ;; WED) printf 3 ;;
    THU) printf 4 ;; FRI) printf 5 ;; SAT) printf 6 ;;
    *) printf '%s' "$1" ;;
    esac
}

# timer_field FIELD VALUE MIN MAX: status 0 when the cron field covers VALUE,
# 1 when it does not, 2 when the field is not valid.
timer_field() {
    _items=$1,
    _found=1
    [ -n "$1" ] || return 2
    while [ -n "$_items" ]; do
        _item=${_items%%,*}
        _items=${_items#*,}
        _step=1
        case $_item in
        */*)
            _step=${_item#*/}
            _item=${_item%%/*}
            is_number "$_step" || return 2
            _step=$(bounded "$_step" 0 0 999)
            [ "$_step" -gt 0 ] || return 2
            case $_item in
            '*' | *-*) ;;
            *) _item=$_item-$4 ;;
            esac
            ;;
        esac
        case $_item in
        '*' | '?')
            _from=$3
            _to=$4
            ;;
        *-*)
            _from=$(_timer_name "${_item%%-*}")
            _to=$(_timer_name "${_item#*-}")
            ;;
        *)
            _from=$(_timer_name "$_item")
            _to=$_from
            ;;
        esac
        is_number "$_from" && is_number "$_to" || return 2
        _from=$(bounded "$_from" 0 0 9999)
        _to=$(bounded "$_to" 0 0 9999)
        [ "$_from" -ge "$3" ] && [ "$_to" -le "$4" ] && [ "$_from" -le "$_to" ] || return 2
        [ "$2" -ge "$_from" ] && [ "$2" -le "$_to" ] && [ $((($2 - _from) % _step)) -eq 0 ] && _found=0
    done
    return $_found
}

# timer_cron EXPRESSION SECOND MINUTE HOUR DAY MONTH WEEKDAY: status as for timer_field.
# Five fields mean second 0. When both day fields are restricted, one of them is enough.
timer_cron() {
    _expression=$1
    _second=$2
    _minute=$3
    _hour=$4
    _day=$5
    _month=$6
    _weekday=$7
    set -f
    # shellcheck disable=SC2086
    set -- $_expression
    set +f
    [ $# -ne 5 ] || set -- 0 "$@"
    [ $# -eq 6 ] || return 2
    _match=0
    for _check in "$1 $_second 0 59" "$2 $_minute 0 59" "$3 $_hour 0 23" "$5 $_month 1 12"; do
        _status=0
        _timer_check "$_check" || _status=$?
        [ $_status -ne 2 ] || return 2
        [ $_status -eq 0 ] || _match=1
    done
    _by_day=0
    timer_field "$4" "$_day" 1 31 || _by_day=$?
    _by_weekday=0
    timer_field "$6" "$_weekday" 0 7 || _by_weekday=$?
    # Sunday has two numbers.
    if [ $_by_weekday -eq 1 ] && [ "$_weekday" -eq 0 ]; then
        _by_weekday=0
        timer_field "$6" 7 0 7 || _by_weekday=$?
    fi
    [ $_by_day -ne 2 ] && [ $_by_weekday -ne 2 ] || return 2
    [ $_match -eq 0 ] || return 1
    case $4 in '*' | '?') return $_by_weekday ;; esac
    case $6 in '*' | '?') return $_by_day ;; esac
    [ $_by_day -eq 0 ] || [ $_by_weekday -eq 0 ]
}

_timer_check() {
    set -f
    # shellcheck disable=SC2086
    set -- $1
    set +f
    timer_field "$@"
}
