#!/bin/sh
# Builds the program for TARGET and packs it, with its checksum beside it, into DIST. Run in the root of this project:
#
#   TARGET        such as x86_64-unknown-linux-musl, the triple of this machine with musl in place of gnu
#   DIST          where it goes                                           dist
#   TAG           the tag that is released; CI services say it themselves     none
#
# It needs rustup, a C compiler and musl-gcc (Debian: musl-tools). Nothing in the archive tells when it was made.
set -eu

TARGET=${TARGET:-$(uname -m)-unknown-linux-musl}
DIST=${DIST:-dist}
if [ -z "${TAG:-}" ]; then
    TAG=${CI_COMMIT_TAG:-${TAG_NAME:-}}
    if [ "${GITHUB_REF_TYPE:-}" = tag ]; then
        TAG=${GITHUB_REF_NAME:-}
    fi
fi
case $TARGET in
x86_64-unknown-linux-musl | aarch64-unknown-linux-musl) ;;
*)
    echo "error: TARGET is \`$TARGET\`; releases are made for x86_64- and aarch64-unknown-linux-musl" >&2
    exit 1
    ;;
esac
package=$(cargo pkgid --package attune)
version=${package##*[#@]}
case $TAG in
'' | "v$version") ;;
*)
    echo "error: the tag \`$TAG\` does not name version $version of Cargo.toml; expected v$version" >&2
    exit 1
    ;;
esac

rustup target add "$TARGET"
cargo build --release --locked --package attune --target "$TARGET"
program=${CARGO_TARGET_DIR:-target}/$TARGET/release/attune
# Run on any Linux: it must need no library of the host.
if ldd "$program" >/dev/null 2>&1 && ! ldd "$program" | grep -q 'statically linked'; then
    echo "error: $program needs shared libraries" >&2
    exit 1
fi
"$program" --version

name=attune-$version-$TARGET
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
mkdir "$work/$name"
install -m 755 "$program" "$work/$name/attune"
install -m 644 LICENSE README.md CHANGELOG.md "$work/$name/"
mkdir -p -- "$DIST"
committed=$(git log -1 --format=%ct)
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$committed" -C "$work" -cf "$work/$name.tar" "$name"
gzip -9 -n <"$work/$name.tar" >"$DIST/$name.tar.gz"
(cd -- "$DIST" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256" && cat "$name.tar.gz.sha256")
