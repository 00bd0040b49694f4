#!/bin/sh
# Makes the registry in SITE: from the packs in PACK_DIR (packs, unless it says otherwise), or, where there are none, from
# index.json and the indexes named in UPSTREAMS, one file or URL each, separated by blanks.
PACK_DIR=${PACK_DIR:-packs}
. "$(dirname -- "$0")/common.sh"

if [ -d "$PACK_DIR" ]; then
    set -- "$PACK_DIR" --out "$SITE"
    # Without BASE_URL, registry.yaml beside the packs says where the tree is hosted.
    [ -z "${BASE_URL:-}" ] || set -- "$@" --base-url "$BASE_URL"
    attune registry build "$@"
else
    mkdir -p -- "$SITE"
    set -f
    # shellcheck disable=SC2086
    attune pack index-merge --output "$SITE/index.json" --force --on-shadow error "$INDEX_FILE" ${UPSTREAMS:-}
fi
