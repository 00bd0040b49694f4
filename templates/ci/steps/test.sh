#!/bin/sh
# Runs the pack's own tests: tests/run.sh, or else Python's unittest over tests/. A pack without tests passes.
. "$(dirname -- "$0")/common.sh"

cd -- "$PACK_DIR" || exit
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
if [ -f tests/run.sh ]; then
    sh tests/run.sh
elif [ -d tests ]; then
    python3 -m unittest discover -s tests
else
    echo "no tests in $PACK_DIR"
fi
