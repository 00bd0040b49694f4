#!/bin/sh
# Runs the pack's own tests, as the `testing` section of its manifest says, the way an installation does. A pack without tests passes.
. "$(dirname -- "$0")/common.sh"

attune pack test --detailed "$PACK_DIR"
