#!/bin/sh
# Copies SITE to DEPLOY_TO, a folder or an rsync address: what never changes first, then what names it, so that a reader
# in between sees the old registry or the new one. Nothing is deleted: old documents may still be read.
. "$(dirname -- "$0")/common.sh"

[ -n "${DEPLOY_TO:-}" ] || fail "DEPLOY_TO is not set: a folder, or an rsync address such as web@example.org:/srv/registry"
copy() {
    rsync --recursive --checksum --delay-updates --chmod=D755,F644 "$@" -- "$SITE/" "${DEPLOY_TO%/}/"
}
copy --include='/docs/***' --include='/archives/***' --include='/assets/***' --include='/icons/***' --exclude='*'
copy --exclude='/packs.json*' --exclude='/registry.json*' --exclude='/index.json*'
copy --include='/packs.json*' --include='/registry.json*' --include='/index.json*' --exclude='*'
