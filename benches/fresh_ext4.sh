#!/bin/sh
# Runs a command with BENCH_DIR on a fresh ext4 in an image file (root, Linux). The image and the mount go away afterwards.
#
#   sh benches/fresh_ext4.sh IMAGE SIZE COMMAND…          sh benches/fresh_ext4.sh /var/tmp/bench.img 8G sh benches/run.sh
set -eu
image=$1 size=$2; shift 2
[ ! -e "$image" ] || { echo "$image is there already" >&2; exit 2; }
place=$(mktemp -d)
end() { umount "$place" 2>/dev/null || true; rmdir "$place"; rm -f "$image"; }
trap end EXIT
truncate -s "$size" "$image"
mkfs.ext4 -q -F -i 4096 "$image" # trees are many small files
mount -o loop "$image" "$place"
export BENCH_DIR="$place/bench"
"$@"
