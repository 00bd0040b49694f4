#!/bin/sh
# Gets the registry tree that was published last into SITE, so that a build keeps every version it lists.
# The tree lives on a branch of its own, TREE_BRANCH of TREE_REPO; without that branch SITE starts empty.
. "$(dirname -- "$0")/common.sh"

if [ -e "$SITE" ] && [ ! -d "$SITE.git" ]; then
    fail "\`$SITE\` is there and was not made by this step; remove it"
fi
INDEX_REPO=${TREE_REPO:-$(git remote get-url origin)}
# An answer that does not come is not the answer that there is no tree: this line ends the step then.
branch=$(index_git ls-remote -- "$INDEX_REPO" "refs/heads/$TREE_BRANCH")

rm -rf -- "$SITE" "$SITE.git"
git init --quiet --bare -- "$SITE.git"
mkdir -- "$SITE"
if [ -n "$branch" ]; then
    site_git fetch --quiet --depth 1 -- "$INDEX_REPO" "+refs/heads/$TREE_BRANCH:refs/attune/published"
    site_git checkout --quiet --force --detach refs/attune/published
else
    echo "$TREE_BRANCH is not there yet: a new tree"
fi
