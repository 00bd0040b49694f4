#!/bin/sh
# Runs the tests of the example packs: all of them, or those named as arguments.
# Prints one line per pack and a count. Status 1 when anything failed.
set -u
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
packs=$(CDPATH='' cd -- "$(dirname -- "$0")/packs" && pwd) || exit 1
log=$(mktemp "${TMPDIR:-/tmp}/attune-example-tests.XXXXXX") || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM

if [ $# -eq 0 ]; then
    for manifest in "$packs"/*/pack.yaml; do
        directory=${manifest%/pack.yaml}
        set -- "$@" "${directory##*/}"
    done
fi

good=0
bad=0
for name in "$@"; do
    status=0
    if [ -f "$packs/$name/tests/run.sh" ]; then
        (cd "$packs/$name" && sh tests/run.sh) >"$log" 2>&1 || status=$?
        summary=$(sed -n 's/^Tests: //p' "$log")
    elif [ -d "$packs/$name/tests" ]; then
        (cd "$packs/$name" && python3 -m unittest discover -s tests) >"$log" 2>&1 || status=$?
        summary=$(sed -n 's/^Ran \([0-9]*\) tests* in.*/\1 run/p' "$log")
    else
        echo "no such pack, or no tests" >"$log"
        status=1
        summary=
    fi
    if [ "$status" -eq 0 ]; then
        good=$((good + 1))
        printf 'ok      %-12s %s\n' "$name" "$summary"
    else
        bad=$((bad + 1))
        printf 'FAILED  %-12s %s\n' "$name" "$summary"
        sed 's/^/    /' "$log"
    fi
done
printf '%s packs passed, %s failed\n' "$good" "$bad"
[ "$bad" -eq 0 ]
