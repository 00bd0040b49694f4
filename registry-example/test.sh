#!/bin/sh
# Runs the tests of the example packs with `attune pack test`: all of them, or those named as arguments.
# Prints one line per pack and a count. Status 1 when anything failed.
#
#   ATTUNE   the program   attune
set -u
attune=${ATTUNE:-attune}
packs=$(CDPATH='' cd -- "$(dirname -- "$0")/packs" && pwd) || exit 1
log=$(mktemp "${TMPDIR:-/tmp}/attune-example-tests.XXXXXX") || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM

if ! command -v "$attune" >/dev/null; then
    echo "error: $attune is not here; build it with \`cargo build\` and set ATTUNE=target/debug/attune" >&2
    exit 1
fi
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
    "$attune" pack test --offline "$packs/$name" >"$log" 2>&1 || status=$?
    summary=$(sed -n 's/^Tests: //p' "$log")
    # A pack without tests passes them all.
    if [ "$status" -eq 0 ] && [ -n "$summary" ]; then
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
