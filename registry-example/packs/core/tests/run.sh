#!/bin/sh
# Tests of the core pack. Needs a POSIX shell; the HTTP tests run where python3 exists.
set -u
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
tests=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
pack=$(dirname -- "$tests")
PACK_LIB=$pack/lib
. "$PACK_LIB/params.sh"
. "$PACK_LIB/json.sh"
. "$PACK_LIB/timer.sh"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/attune-core-tests.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
mkdir "$scratch/bin"

passed=0
failed=0
skipped=0

# check NAME EXPECTED FOUND
check() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED: %s\n  expected: %s\n  found:    %s\n' "$1" "$2" "$3"
    fi
}

# status NAME EXPECTED COMMAND...: compares the exit code.
status() {
    _name=$1
    _expected=$2
    shift 2
    _code=0
    "$@" >/dev/null 2>"$scratch/stderr" || _code=$?
    check "$_name" "$_expected" "$_code"
}

# run ACTION LINES: runs an action the way a worker does, without a final newline.
run() {
    printf '%s' "$2" | "$pack/actions/$1.sh"
}

# --- parameters ---
parse() {
    printf '%s' "$1" >"$scratch/input"
    read_params first second headers <"$scratch/input"
}
parse "first='one'
second='two'"
check "last line without newline" two "$P_second"
parse "first='it'\\''s'
second="
check "quote inside a value" "it's" "$P_first"
check "empty value" "" "$P_second"
parse "first='line 1
line 2'
second=\"plain\""
check "value over two lines" "line 1
line 2" "$P_first"
check "double quotes" plain "$P_second"
parse "first='a=b'
PATH='evil'
headers.X-One='1
2'"
check "equals sign in a value" a=b "$P_first"
check "unknown names are ignored" no "$([ "$PATH" = evil ] && echo yes || echo no)"
check "members of an object" "headers.X-One: 1 2
" "$P_MEMBERS"
parse "first='open"
check "missing closing quote" open "$P_first"
parse "first='\$(echo no)\`echo no\`'"
check "no expansion" "\$(echo no)\`echo no\`" "$P_first"
check "bounded keeps a number" 25 "$(bounded 025 1 1 99)"
check "bounded raises" 10 "$(bounded 3 1 10 99)"
check "bounded lowers" 99 "$(bounded 300 1 10 99)"
check "bounded falls back" 7 "$(bounded 12s 7 10 99)"
for word in true True TRUE yes Yes YES 1; do
    status "true: $word" 0 is_true "$word"
done
status "not true" 1 is_true false

# --- JSON ---
check "plain text" '"plain"' "$(json_string plain)"
check "empty text" '""' "$(json_string '')"
check "quotes and backslashes" '"a\"b\\c"' "$(json_string 'a"b\c')"
check "final newline" '"a\n"' "$(json_string 'a
')"
check "control character" '"\u0007\t"' "$(json_string "$(printf '\007\t')")"
check "UTF-8 is kept" "\"$(printf '\303\251')\"" "$(json_string "$(printf '\303\251')")"
check "damaged UTF-8" '"\ufffdx"' "$(json_string "$(printf '\303x')")"
check "array is kept" '["a", "b,c"]' "$(json_strings '["a", "b,c"]' 1)"
check "list becomes an array" '["a","b \"c\""]' "$(json_strings ' a, b "c" ' 1)"
check "empty array" '[]' "$(json_strings '[]' 0)"
status "too few items" 1 json_strings '[]' 1
status "not only strings" 1 json_strings '["a",1]' 1
status "unclosed array" 1 json_strings '["a"' 1
status "text after the array" 1 json_strings '["a"],"force":true' 1
for text in '{}' '[1,-2.5e3,true,false,null]' ' {"a":{"b":["\u00e9"]}} ' '"\\"'; do
    status "valid: $text" 0 json_is_valid "$text"
done
for text in '' '{' '{"a"}' '[1,]' '01' '"a' '{"a":1}}' 'nul' '"\x"' '{a:1}'; do
    status "not valid: $text" 2 json_is_valid "$text"
done
printf '{"data":{"a":["}"]},"message":"gr\\u00fc\\u00df \\"x\\"","n":1}' >"$scratch/object"
check "member, and only that" '{"a":["}"]}' "$(json_member "$scratch/object" data)"
check "decoded text" "$(printf 'gr\303\274\303\237 "x"')" "$(json_text "$scratch/object" message)"
status "absent member" 3 json_member "$scratch/object" other
status "member that is no text" 3 json_text "$scratch/object" n
check "pairs" "A: b
N: 2" "$(json_pairs '{"A":"b","N":2,"none":null}')"
status "pairs refuse line breaks" 2 json_pairs '{"A":"b\nc"}'
status "pairs refuse nesting" 2 json_pairs '{"A":[]}'

# --- echo, noop, sleep ---
check "echo" '{"message":"it'\''s \"me\""}' "$(run echo "message='it'\\''s \"me\"'")"
check "echo in capitals" '{"message":"HEY"}' "$(run echo "message='hey'
uppercase='true'")"
check "noop" '{"message":"","exit_code":0}' "$(run noop "")"
status "noop with exit code" 7 run noop "exit_code='7'"
status "noop refuses text" 2 run noop "exit_code='x'"
check "sleep" '{"slept_seconds":0,"message":"done"}' "$(run sleep "message='done'
seconds='0'")"
status "sleep needs a number" 2 run sleep "seconds='soon'"
check "sleep says why" "sleep: seconds must be a whole number from 0 to 3600" "$(cat "$scratch/stderr")"
status "sleep has a limit" 2 run sleep "seconds='3601'"

# --- timers ---
check "interval in minutes" 300 "$(timer_seconds minutes 5)"
check "interval in days" 172800 "$(timer_seconds days 2)"
status "unknown unit" 1 timer_seconds weeks 1
status "interval of zero" 1 timer_seconds hours 0
check "stamp" 20310501083000 "$(timer_stamp 2031-05-01T08:30:00Z)"
status "stamp without zone" 1 timer_stamp 2031-05-01T08:30:00
# Arguments after the expression: second minute hour day month weekday.
status "every second" 0 timer_cron '* * * * * *' 7 8 9 10 11 3
status "five fields mean second 0" 0 timer_cron '30 8 * * MON-FRI' 0 30 8 1 5 4
status "five fields, other second" 1 timer_cron '30 8 * * MON-FRI' 1 30 8 1 5 4
status "not on Sunday" 1 timer_cron '30 8 * * MON-FRI' 0 30 8 1 5 0
status "step" 0 timer_cron '0 */15 * * * *' 0 45 3 1 1 1
status "not on the step" 1 timer_cron '0 */15 * * * *' 0 50 3 1 1 1
status "range with step" 0 timer_cron '0 0 8-18/2 * * *' 0 0 12 1 1 1
status "open step" 0 timer_cron '0 5/20 * * * *' 0 25 12 1 1 1
status "list" 0 timer_cron '0 0 0 1,15 JAN,JUL *' 0 0 0 15 7 2
status "Sunday is also 7" 0 timer_cron '0 0 * * 7' 0 0 0 9 1 0
status "one of two day fields" 0 timer_cron '0 0 13 * 5' 0 0 0 6 2 5
status "none of two day fields" 1 timer_cron '0 0 13 * 5' 0 0 0 6 2 4
status "leap day" 0 timer_cron '0 0 29 2 *' 0 0 0 29 2 2
for expression in '' '* * * *' '60 * * * *' '* * * 13 *' '* * 0 * *' 'a * * * *' '*/0 * * * *' '5-1 * * * *' '* * * * * * *'; do
    status "refused: $expression" 2 timer_cron "$expression" 0 0 0 1 1 0
done

# A clock that moves by one second whenever it is read, and a sleep that returns at once.
real_date=$(command -v date)
printf '#!/bin/sh\nexit 0\n' >"$scratch/bin/sleep"
cat >"$scratch/bin/date" <<END
#!/bin/sh
case \$1 in
+%s)
    read -r seconds <'$scratch/clock'
    seconds=\$((seconds + 1))
    echo "\$seconds" >'$scratch/clock'
    echo "\$seconds"
    ;;
*) exec '$real_date' "\$@" ;;
esac
END
chmod 755 "$scratch/bin/sleep" "$scratch/bin/date"
sense() {
    printf '%s' "$1" | PATH="$scratch/bin:$PATH" "$pack/sensors/timer.sh" | sed 's/"fired_at":"[^"]*"/"fired_at":""/'
}
check "interval sensor" '{"trigger":"core.intervaltimer","payload":{"interval_seconds":7200,"fired_at":"","execution_count":1}}
{"trigger":"core.intervaltimer","payload":{"interval_seconds":7200,"fired_at":"","execution_count":2}}' \
    "$(sense "trigger_type='core.intervaltimer'
unit='hours'
interval='2'
max_events='2'")"
check "datetime sensor" \
    '{"trigger":"core.datetimetimer","payload":{"scheduled_at":"2020-02-29T12:00:00Z","fired_at":"","execution_count":1}}' \
    "$(sense "trigger_type='core.datetimetimer'
fire_at='2020-02-29T12:00:00Z'")"
if "$real_date" -d @0 +%s >/dev/null 2>&1; then
    echo 1774999790 >"$scratch/clock"
    check "cron sensor" \
        '{"trigger":"core.crontimer","payload":{"expression":"*/5 * * * * *","timezone":"UTC","fired_at":"","execution_count":1}}' \
        "$(sense "trigger_type='core.crontimer'
expression='*/5 * * * * *'
max_events='1'")"
    check "cron sensor stops at the right second" 1774999795 "$(cat "$scratch/clock")"
else
    skipped=$((skipped + 2))
fi
printf '%s' "trigger_type='core.other'" | "$pack/sensors/timer.sh" >/dev/null 2>&1
check "unknown timer is refused" 2 $?

# --- every entry script can be executed ---
for script in "$pack"/actions/*.sh "$pack"/sensors/*.sh; do
    status "executable: ${script##*/}" 0 test -x "$script"
done

# --- HTTP, against a server on the loopback interface ---
if command -v python3 >/dev/null 2>&1; then
    if python3 -m unittest discover -s "$tests" >"$scratch/unittest" 2>&1; then
        :
    else
        failed=$((failed + 1))
        cat "$scratch/unittest"
    fi
    count=$(sed -n 's/^Ran \([0-9]*\) test.*/\1/p' "$scratch/unittest")
    passed=$((passed + ${count:-0}))
else
    printf 'python3 is missing: the HTTP tests are left out\n'
    skipped=$((skipped + 1))
fi

printf 'Tests: %s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
