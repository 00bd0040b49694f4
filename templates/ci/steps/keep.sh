#!/bin/sh
# Pushes SITE to the branch TREE_BRANCH, one commit a change. Makes no commit when nothing changed.
. "$(dirname -- "$0")/common.sh"

INDEX_REPO=${TREE_REPO:-$(git remote get-url origin)}
site_git add --all --force
if site_git rev-parse --verify --quiet HEAD >/dev/null && site_git diff --cached --quiet; then
    echo "nothing changed"
    exit 0
fi
site_git -c user.name="${COMMIT_NAME:-Attune CI}" -c user.email="${COMMIT_EMAIL:-ci@localhost}" \
    commit --quiet --message "Build of ${SOURCE_COMMIT:-$(git rev-parse HEAD)}"
# Not by force: whoever published in between is not overwritten. The next run starts from theirs.
site_git push --quiet -- "$INDEX_REPO" "HEAD:refs/heads/$TREE_BRANCH"
