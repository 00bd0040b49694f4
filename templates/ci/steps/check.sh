#!/bin/sh
# Says everything that is wrong with the pack. Fails for warnings too.
. "$(dirname -- "$0")/common.sh"

attune pack check "$PACK_DIR" --strict
