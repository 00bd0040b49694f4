#!/bin/sh
# Runs steps for every changed pack: each.sh check test archive. The first failure ends it.
steps=$(dirname -- "$0")
set -eu

changed=$(sh "$steps/changed.sh")
[ -n "$changed" ] || echo "no pack changed"
for pack in $changed; do
    printf '== %s\n' "$pack"
    for step in "$@"; do
        PACK_DIR=$pack DIST=${DIST:-dist}/packs/${pack##*/} sh "$steps/$step.sh"
    done
done
