#!/bin/sh
# Times build and install beside their peers; see benches/README.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
attune=$(realpath "${1:-$here/../target/release/attune}")
work=${BENCH_DIR:-$here/../target/bench}
python=${PYTHON:-python3}
rounds=${ROUNDS:-5}
mkdir -p "$work"; work=$(cd "$work" && pwd)
[ -d "$work/packs" ] || "$python" "$here/make_packs.py" "$work/packs" 300

echo "build, 300 packs"
"$python" "$here/pairs.py" "$rounds" "rm -rf $work/\$NAME $work/\$NAME.state" \
    "python=$python $here/peer_build.py $work/packs $work/python" \
    "attune=$attune registry build $work/packs --out $work/attune --base-url https://packs.example.org/ -q"

echo "build, nothing new"
rm -rf "$work/again" "$work/again.state"
"$attune" registry build "$work/packs" --out "$work/again" --base-url https://packs.example.org/ -q >/dev/null
"$python" "$here/pairs.py" "$rounds" true \
    "attune-again=$attune registry build $work/packs --out $work/again --base-url https://packs.example.org/ -q"

echo "install, 200 packs"
refs=$(ls "$work/packs" | head -200 | tr '\n' ' ')
rm -rf "$work/flat"; mkdir -p "$work/flat"
for ref in $refs; do cp "$work/again/archives/$ref/"*.tar.gz "$work/flat/"; done
(cd "$work/flat" && sha256sum *.tar.gz > SHA256SUMS)
"$python" "$here/pairs.py" "$rounds" "rm -rf $work/to-\$NAME; mkdir -p $work/to-\$NAME" \
    "shell=cd $work/to-shell && (cd $work/flat && sha256sum --status -c SHA256SUMS) && ls $work/flat/*.gz | xargs -P2 -n1 tar xzf" \
    "attune=ATTUNE__PACKS_BASE_DIR=$work/to-attune $attune pack install $refs --skip-deps --registry $work/again -q"
