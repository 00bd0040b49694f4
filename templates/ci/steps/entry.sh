#!/bin/sh
# Commits the pack's entry in the checkout of the index repository, on top of what its branch holds now. Pushes nothing.
# Makes no commit when the entry is listed as it is.
. "$(dirname -- "$0")/common.sh"
load_pack

sh "$(dirname -- "$0")/registry.sh"
set -- "$PACK_DIR" --index "$REGISTRY/$INDEX_FILE" --update
if [ -n "$ARCHIVE_URL" ]; then
    set -- "$@" --archive-url "$ARCHIVE_URL" --archive-file "$DIST/$PACK_ARCHIVE"
fi
# A git source is fetched over https and holds its pack at the root. It names the commit: a tag can be moved.
case $GIT_URL in
https://*)
    if [ -z "$(git -C "$PACK_DIR" rev-parse --show-prefix)" ]; then
        set -- "$@" --git-url "$GIT_URL" --git-ref "$(git -C "$PACK_DIR" rev-parse HEAD)"
    fi
    ;;
*) echo "no git source: GIT_URL is no https URL" ;;
esac
attune pack index-update "$@"

git -C "$REGISTRY" add --all
if git -C "$REGISTRY" diff --cached --quiet; then
    echo "$PACK_REF $PACK_VERSION is listed as it is"
else
    git -C "$REGISTRY" -c user.name="${COMMIT_NAME:-Attune CI}" -c user.email="${COMMIT_EMAIL:-ci@localhost}" \
        commit --quiet --message "Publish $PACK_REF $PACK_VERSION"
fi
