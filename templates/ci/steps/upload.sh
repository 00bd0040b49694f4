#!/bin/sh
# Puts archive and checksum where ARCHIVE_URL says: a release of GitHub, a package of GitLab, or any host that takes PUT.
# What is there already stays as it is; the next person to fetch it checks its digest.
. "$(dirname -- "$0")/common.sh"
load_pack

# Uploads a file by PUT. The header goes over standard input: a process list shows no token.
put() {
    if [ -n "${CI_JOB_TOKEN:-}" ]; then
        printf 'header = "JOB-TOKEN: %s"\n' "$CI_JOB_TOKEN"
    elif [ -n "${UPLOAD_TOKEN:-}" ]; then
        printf 'header = "Authorization: Bearer %s"\n' "$UPLOAD_TOKEN"
    fi | curl --config - --fail --silent --show-error --retry 3 --output /dev/null --upload-file "$1" "$2"
}

[ -n "$ARCHIVE_URL" ] || fail "ARCHIVE_BASE is not set: the URL of the folder that archives are uploaded to"
if [ -z "${ARCHIVE_BASE:-}" ] && [ -n "${GITHUB_REPOSITORY:-}" ]; then
    gh release view "$RELEASE" >/dev/null 2>&1 ||
        gh release create "$RELEASE" --title "$PACK_REF $PACK_VERSION" --notes "$PACK_CHECKSUM"
    # A file that is there is not replaced; it was made from the same files, so it has the same bytes.
    listed=$(gh release view "$RELEASE" --json assets --jq '.assets[].name')
    for file in "$PACK_ARCHIVE" "$PACK_ARCHIVE.sha256"; do
        printf '%s\n' "$listed" | grep -Fqx -- "$file" || gh release upload "$RELEASE" "$DIST/$file"
    done
elif curl --fail --silent --location --output "$DIST/uploaded" "$ARCHIVE_URL"; then
    attune pack checksum "$DIST/uploaded" --verify "$PACK_CHECKSUM"
    rm -f -- "$DIST/uploaded"
else
    put "$DIST/$PACK_ARCHIVE" "$ARCHIVE_URL"
    put "$DIST/$PACK_ARCHIVE.sha256" "$ARCHIVE_URL.sha256"
fi
