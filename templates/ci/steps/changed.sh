#!/bin/sh
# Prints the packs below PACK_DIR (packs, unless it says otherwise) that changed since BASE, one directory a line.
# BASE is a commit; CI services say it themselves. Without one, or if git does not know it, every pack is printed.
PACK_DIR=${PACK_DIR:-packs}
. "$(dirname -- "$0")/common.sh"

if [ -n "${GITHUB_BASE_REF:-}" ]; then
    BASE=origin/$GITHUB_BASE_REF
elif [ -n "${CHANGE_TARGET:-}" ]; then
    BASE=origin/$CHANGE_TARGET
fi
BASE=${BASE:-${CI_MERGE_REQUEST_DIFF_BASE_SHA:-${CI_COMMIT_BEFORE_SHA:-${GIT_PREVIOUS_SUCCESSFUL_COMMIT:-}}}}
base=
if [ -n "$BASE" ] && git rev-parse --verify --quiet --end-of-options "$BASE^{commit}" >/dev/null; then
    # What the target branch changed in the meantime is not ours.
    base=$(git merge-base "$BASE" HEAD) || base=
fi

for manifest in "$PACK_DIR"/*/pack.yaml; do
    [ -f "$manifest" ] || fail "no packs in $PACK_DIR"
    pack=${manifest%/pack.yaml}
    # The steps that follow split this list into words.
    case $pack in
    *[!A-Za-z0-9._/-]*) fail "rename the folder \`$pack\`: letters, digits, dots, dashes and underscores only" ;;
    esac
    if [ -z "$base" ] || ! GIT_LITERAL_PATHSPECS=1 git diff --quiet "$base" HEAD -- "$pack"; then
        printf '%s\n' "$pack"
    fi
done
