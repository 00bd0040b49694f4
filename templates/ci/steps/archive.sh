#!/bin/sh
# Makes the archive of the pack in DIST, with its checksum beside it. The same files give the same bytes.
# When a tag is published, it must name the version of the manifest.
. "$(dirname -- "$0")/common.sh"

described=$(attune pack archive "$PACK_DIR" --list --yaml)
# member NAME: what the archive's description says of it.
member() {
    printf '%s\n' "$described" | sed -n "s/^$1: //p" | tr -d "'\""
}
ref=$(member ref)
version=$(member version)
check_tag "$ref" "$version"

archive=$ref-$version.tar.gz
scratch "$DIST"
rm -f -- "$DIST"/*.tar.gz "$DIST"/*.sha256
attune --quiet pack archive "$PACK_DIR" --out "$DIST/$archive" >/dev/null
checksum=$(attune pack checksum "$DIST/$archive" --yaml | sed -n 's/^checksum: //p')
[ "$checksum" = "$(member checksum)" ] || fail "$DIST/$archive is not what \`$PACK_DIR\` holds"
printf '%s  %s\n' "${checksum#sha256:}" "$archive" >"$DIST/$archive.sha256"
{
    echo "PACK_REF=$ref"
    echo "PACK_VERSION=$version"
    echo "PACK_ARCHIVE=$archive"
    echo "PACK_CHECKSUM=$checksum"
} >"$DIST/pack.env"
echo "$DIST/$archive $checksum"
