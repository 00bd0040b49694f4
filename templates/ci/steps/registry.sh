#!/bin/sh
# Brings the checkout of the index repository to what its branch holds.
. "$(dirname -- "$0")/common.sh"

[ -n "${INDEX_REPO:-}" ] || fail "INDEX_REPO is not set: the git URL of the index repository"
scratch "$(dirname -- "$REGISTRY")"
if [ -d "$REGISTRY/.git" ]; then
    index_git -C "$REGISTRY" fetch --quiet --depth 1 origin \
        "+refs/heads/$INDEX_BRANCH:refs/remotes/origin/$INDEX_BRANCH"
    git -C "$REGISTRY" reset --quiet --hard "origin/$INDEX_BRANCH"
    git -C "$REGISTRY" clean --quiet -d --force
else
    index_git clone --quiet --depth 1 --branch "$INDEX_BRANCH" -- "$INDEX_REPO" "$REGISTRY"
fi
[ -f "$REGISTRY/$INDEX_FILE" ] || fail "the index repository has no $INDEX_FILE on its branch $INDEX_BRANCH"
