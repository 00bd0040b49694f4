#!/bin/sh
# Checks every rule on every byte of the new registry, says what it changes for users, and fails if a published version got
# other bytes.
. "$(dirname -- "$0")/common.sh"

if [ -f "$SITE/registry.json" ]; then
    attune registry check "$SITE"
else
    # The archives of a lone index lie elsewhere, and whoever listed them looked at them.
    attune registry check "$SITE/index.json" --quick
fi
if site_git rev-parse --verify --quiet refs/attune/published >/dev/null; then
    work=$(mktemp -d)
    trap 'rm -rf -- "$work"' EXIT
    site_git archive --output "$work/published.tar" refs/attune/published
    mkdir "$work/published"
    tar -xf "$work/published.tar" -C "$work/published"
    attune registry diff "$work/published" "$SITE" --fail-on-rewrite
else
    echo "nothing to compare with yet"
fi
