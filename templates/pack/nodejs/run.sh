#!/bin/sh
# Runs the action as the platform does. No network, nothing written.
set -u
action=$(CDPATH='' cd -- "$(dirname -- "$0")/../actions" && pwd)/hello.js
passed=0
failed=0

# check NAME EXPECTED FOUND
check() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED: %s\n  expected: %s\n  found:    %s\n' "$1" "$2" "$3"
    fi
}

check "greets whom it is told" '{"message":"Good morning, Ada!"}' \
    "$(echo '{"name": "Ada", "greeting": "Good morning"}' | node "$action")"
check "has defaults" '{"message":"Hello, world!"}' "$(node "$action" </dev/null)"
check "refuses an empty name" 1 "$(echo '{"name": " "}' | node "$action" 2>/dev/null; echo $?)"

echo "Tests: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
