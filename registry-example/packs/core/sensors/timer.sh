#!/bin/sh
# Emits one event per line for one timer, until it is stopped.
set -u
PACK_LIB=$(dirname -- "$0")/../lib
. "$PACK_LIB/params.sh"
. "$PACK_LIB/json.sh"
. "$PACK_LIB/timer.sh"

fail() {
    printf 'timer: %s\n' "$1" >&2
    exit 2
}

now() {
    date -u +%Y-%m-%dT%H:%M:%SZ
}

# wait_seconds COUNT: can be interrupted, unlike a plain sleep.
sleeper=
wait_seconds() {
    sleep "$1" &
    sleeper=$!
    wait "$sleeper"
    sleeper=
}

stop() {
    [ -z "$sleeper" ] || kill "$sleeper" 2>/dev/null
    exit 0
}
trap stop INT TERM

count=0
# emit MEMBERS: writes one event, and ends after the last one that was asked for.
emit() {
    count=$((count + 1))
    printf '{"trigger":"%s","payload":{%s,"fired_at":"%s","execution_count":%s}}\n' \
        "$P_trigger_type" "$1" "$(now)" "$count"
    [ "$max_events" -eq 0 ] || [ "$count" -lt "$max_events" ] || exit 0
}

read_params trigger_type unit interval expression timezone fire_at max_events
max_events=$(bounded "$P_max_events" 0 0 999999999)

case $P_trigger_type in
core.intervaltimer)
    seconds=$(timer_seconds "${P_unit:-seconds}" "${P_interval:-60}") ||
        fail "interval must be a positive whole number and unit one of seconds, minutes, hours, days"
    while :; do
        wait_seconds "$seconds"
        emit "\"interval_seconds\":$seconds"
    done
    ;;
core.crontimer)
    zone=${P_timezone:-UTC}
    status=0
    timer_cron "$P_expression" 0 0 0 1 1 0 || status=$?
    [ "$status" -ne 2 ] || fail "expression must have five or six cron fields: $P_expression"
    members="\"expression\":$(json_string "$P_expression"),\"timezone\":$(json_string "$zone")"
    last=$(date +%s)
    while :; do
        wait_seconds 1
        current=$(date +%s)
        # A late wake-up must not lose a second; after a long pause only the last minute is looked at.
        [ $((current - last)) -le 60 ] || last=$((current - 60))
        while [ "$last" -lt "$current" ]; do
            last=$((last + 1))
            moment=$(TZ=$zone date -d "@$last" '+%S %M %H %d %m %w')
            second=${moment%% *}
            moment=${moment#* }
            minute=${moment%% *}
            moment=${moment#* }
            hour=${moment%% *}
            moment=${moment#* }
            day=${moment%% *}
            moment=${moment#* }
            month=${moment%% *}
            if timer_cron "$P_expression" "${second#0}" "${minute#0}" "${hour#0}" "${day#0}" "${month#0}" \
                "${moment#* }"; then
                emit "$members"
            fi
        done
    done
    ;;
core.datetimetimer)
    target=$(timer_stamp "$P_fire_at") || fail "fire_at must look like 2031-05-01T08:30:00Z"
    while [ "$(timer_stamp "$(now)")" -lt "$target" ]; do
        wait_seconds 1
    done
    max_events=1
    emit "\"scheduled_at\":\"$P_fire_at\""
    ;;
*) fail "trigger_type must be core.intervaltimer, core.crontimer or core.datetimetimer" ;;
esac
