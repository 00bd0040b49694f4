#!/bin/sh
# Puts archive and checksum where ARCHIVE_URL says: a release of GitHub, a package of GitLab, or any host that takes PUT.
# What is there already stays as it is, and must have the same bytes.
. "$(dirname -- "$0")/common.sh"
load_pack

# Uploads a file by PUT. The header goes over standard input: a process list shows no token.
put() {
    if [ -z "${ARCHIVE_BASE:-}" ]; then
        printf 'header = "JOB-TOKEN: %s"\n' "${CI_JOB_TOKEN:-}"
    elif [ -n "${UPLOAD_TOKEN:-}" ]; then
        printf 'header = "Authorization: Bearer %s"\n' "$UPLOAD_TOKEN"
    fi | curl --config - --fail --silent --show-error --retry 3 --output /dev/null --upload-file "$1" "$2"
}

same_bytes() {
    attune pack checksum "$DIST/uploaded" --verify "$PACK_CHECKSUM"
    rm -f -- "$DIST/uploaded"
}

[ -n "$ARCHIVE_URL" ] || fail "ARCHIVE_BASE is not set: the URL of the folder that archives are uploaded to"
if [ -z "${ARCHIVE_BASE:-}" ] && [ -n "${GITHUB_REPOSITORY:-}" ]; then
    if ! gh release view "$RELEASE" >/dev/null 2>&1; then
        # Where no tag was pushed, the release makes one, at the commit of this run.
        gh release create "$RELEASE" --target "$GITHUB_SHA" --title "$PACK_REF $PACK_VERSION" --notes "$PACK_CHECKSUM"
    fi
    if gh release download "$RELEASE" --pattern "$PACK_ARCHIVE" --output "$DIST/uploaded" --clobber 2>/dev/null; then
        same_bytes
    else
        gh release upload "$RELEASE" "$DIST/$PACK_ARCHIVE" "$DIST/$PACK_ARCHIVE.sha256"
    fi
elif curl --fail --silent --location --output "$DIST/uploaded" "$ARCHIVE_URL"; then
    same_bytes
else
    put "$DIST/$PACK_ARCHIVE" "$ARCHIVE_URL"
    put "$DIST/$PACK_ARCHIVE.sha256" "$ARCHIVE_URL.sha256"
fi
