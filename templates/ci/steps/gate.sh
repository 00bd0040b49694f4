#!/bin/sh
# Compares the pack with its newest published version: fails when the version bump is too small for what changed.
# A pack that was never published passes.
. "$(dirname -- "$0")/common.sh"
load_pack

status=0
attune pack diff "$PACK_REF@latest" "$PACK_DIR" --registry "${REGISTRY_URL:-$REGISTRY/$INDEX_FILE}" \
    --fail-on undeclared || status=$?
case $status in
0) ;;
3) echo "$PACK_REF: no version to compare with yet" ;;
*) exit "$status" ;;
esac
