#!/bin/sh
# Puts the pack's entry into the index repository, and pushes that: to its branch (PUBLISH=push), as a branch for review
# (branch), or as that with a pull request of GitHub (pull-request) or a merge request of GitLab (merge-request). Pushes nothing
# when the entry is already there.
. "$(dirname -- "$0")/common.sh"
load_pack

review=publish/$PACK_REF-$PACK_VERSION

push() {
    case $PUBLISH in
    push)
        index_git -C "$REGISTRY" push --quiet origin "HEAD:refs/heads/$INDEX_BRANCH"
        ;;
    branch | pull-request)
        index_git -C "$REGISTRY" push --quiet --force origin "HEAD:refs/heads/$review"
        ;;
    merge-request)
        index_git -C "$REGISTRY" push --quiet --force --push-option merge_request.create \
            --push-option "merge_request.target=$INDEX_BRANCH" \
            --push-option "merge_request.title=Publish $PACK_REF $PACK_VERSION" \
            origin "HEAD:refs/heads/$review"
        ;;
    esac
}

# Whether the branch for review already proposes what HEAD holds, whenever that was.
proposed() {
    [ "$PUBLISH" != push ] || return 1
    index_git -C "$REGISTRY" fetch --quiet --depth 1 origin "refs/heads/$review" 2>/dev/null || return 1
    difference=$(git -C "$REGISTRY" diff --ignore-matching-lines='"last_updated":' FETCH_HEAD HEAD) || return 1
    [ -z "$difference" ]
}

# Asks for a review on GitHub, unless somebody did.
open_pull_request() {
    GH_TOKEN=${INDEX_TOKEN:-}
    export GH_TOKEN
    open=$(gh pr list --repo "$INDEX_REPO" --head "$review" --state open --json number --jq length)
    if [ "$open" = 0 ]; then
        gh pr create --repo "$INDEX_REPO" --base "$INDEX_BRANCH" --head "$review" \
            --title "Publish $PACK_REF $PACK_VERSION" --body "Checksum of the archive: $PACK_CHECKSUM"
    fi
}

case $PUBLISH in
push | branch | pull-request | merge-request) ;;
*) fail "PUBLISH is \`$PUBLISH\`; it is push, branch, pull-request or merge-request" ;;
esac

attempt=1
while :; do
    sh "$(dirname -- "$0")/entry.sh"
    if [ "$(git -C "$REGISTRY" rev-parse HEAD)" = "$(git -C "$REGISTRY" rev-parse "origin/$INDEX_BRANCH")" ]; then
        exit 0
    fi
    if proposed; then
        echo "$review proposes it already"
        break
    fi
    if push; then
        echo "pushed $PACK_REF $PACK_VERSION"
        break
    fi
    # Somebody else published in between: make the commit again on top of theirs.
    [ "$attempt" -lt 5 ] || fail "cannot push to the index repository, after $attempt attempts"
    attempt=$((attempt + 1))
done
if [ "$PUBLISH" = pull-request ]; then
    open_pull_request
fi
