#!/bin/sh
# Makes the archive of the pack in DIST, with its checksum beside it. The same files give the same bytes.
# When a tag is published, it must name the version of the manifest.
. "$(dirname -- "$0")/common.sh"

build=$(mktemp -d)
trap 'rm -rf -- "$build"' EXIT
attune --quiet registry build "$PACK_DIR" --out "$build/tree" >/dev/null
set -- "$build"/tree/archives/*/*.tar.gz
if [ $# -ne 1 ] || [ ! -f "$1" ]; then
    fail "\`$PACK_DIR\` is not one pack"
fi

archive=${1##*/}
ref=${1%/*}
ref=${ref##*/}
version=${archive#"$ref"-}
version=${version%.tar.gz}
check_tag "$ref" "$version"

scratch "$DIST"
rm -f -- "$DIST"/*.tar.gz "$DIST"/*.sha256
cp -- "$1" "$DIST/$archive"
checksum=$(attune pack checksum "$DIST/$archive" --yaml | sed -n 's/^checksum: //p')
[ -n "$checksum" ] || fail "no checksum of $DIST/$archive"
printf '%s  %s\n' "${checksum#sha256:}" "$archive" >"$DIST/$archive.sha256"
{
    echo "PACK_REF=$ref"
    echo "PACK_VERSION=$version"
    echo "PACK_ARCHIVE=$archive"
    echo "PACK_CHECKSUM=$checksum"
} >"$DIST/pack.env"
echo "$DIST/$archive $checksum"
