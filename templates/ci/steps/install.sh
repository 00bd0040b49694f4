#!/bin/sh
# Installs the program for the steps that follow, unless it is there already.
#
#   ATTUNE_URL      the .tar.gz of a release, for this machine
#   ATTUNE_SHA256   its checksum, 64 hex digits
#   ATTUNE_BIN      where the program goes                          ~/.local/bin
set -eu

if command -v attune >/dev/null; then
    attune --version
    exit 0
fi
if [ -z "${ATTUNE_URL:-}" ] || [ -z "${ATTUNE_SHA256:-}" ]; then
    echo "error: attune is not installed; set ATTUNE_URL and ATTUNE_SHA256" >&2
    exit 1
fi
bin=${ATTUNE_BIN:-$HOME/.local/bin}
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
curl --fail --silent --show-error --location --retry 3 --output "$work/attune.tar.gz" -- "$ATTUNE_URL"
printf '%s  %s\n' "$ATTUNE_SHA256" "$work/attune.tar.gz" | sha256sum --check --quiet -
tar -xzf "$work/attune.tar.gz" -C "$work"
mkdir -p -- "$bin"
find "$work" -type f -name attune -exec install -m 755 {} "$bin/attune" ';'
"$bin/attune" --version
# The search path of the steps that follow, where the service keeps one.
if [ -n "${GITHUB_PATH:-}" ]; then
    printf '%s\n' "$bin" >>"$GITHUB_PATH"
fi
