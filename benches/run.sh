#!/bin/sh
# Times the program beside its peers; see benches/README.md.
#
#   sh benches/run.sh [ATTUNE-BINARY] [ROW...]        rows: build again install check web merge resolve
#   PACKS (300) ROUNDS (5) BENCH_DIR (target/bench) PYTHON (python3) PACKS_DIR (packs to use instead of made ones)
#   REMOVED=1 (row web: what the round before has made is deleted, not put aside)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
attune=$(realpath "${1:-$here/../target/release/attune}")
[ $# = 0 ] || shift
[ $# != 0 ] || set -- build again install check
work=${BENCH_DIR:-$here/../target/bench}
python=${PYTHON:-python3}
rounds=${ROUNDS:-5}
count=${PACKS:-300}
mkdir -p "$work"; work=$(cd "$work" && pwd)
packs=${PACKS_DIR:-$work/packs-$count}
[ -d "$packs" ] || "$python" "$here/make_packs.py" "$packs" "$count"
flags="--base-url https://packs.example.org/ -q"

pairs() { "$python" "$here/pairs.py" "$rounds" "$@"; }

# Builds the tree $2 of the packs $1 anew, twice: what is written in the clock tick of a look is read once more.
settled() {
    rm -rf "$2" "$2.state"
    for turn in 1 2; do $attune registry build "$1" $flags --out "$2" >/dev/null; sleep 1; done
}

bench_build() {
    echo "## Build: $count packs to archives, documents, pages, twins and indexes"
    echo
    build="$attune registry build $packs $flags --out $work/tree"
    set -- "Python, 2 processes=$python $here/peer_build.py $packs $work/tree" "attune=$build"
    if command -v taskset >/dev/null; then set -- "$@" "attune, 1 core=taskset -c 0 $build"; fi
    pairs "rm -rf $work/tree $work/tree.state" "$@"
    rm -rf "$work/tree" "$work/tree.state"
}

bench_again() {
    echo "## Build again: nothing new, or one of $count packs changed"
    echo
    rm -rf "$work/changing"
    "$python" "$here/make_packs.py" "$work/changing" "$count"
    settled "$work/changing" "$work/again"
    one=$work/changing/$(ls "$work/changing" | head -n $((count / 2 + 1)) | tail -n 1)
    build="$attune registry build $work/changing $flags --out"
    pairs "case \$NAME in build) rm -rf $work/tree $work/tree.state ;; one*) $python $here/change_pack.py $one ;; esac" \
        "build=$build $work/tree" \
        "nothing new=$build $work/again" \
        "one changed, --only=$build $work/again --only $one" \
        "one changed, found=$build $work/again"
    rm -rf "$work/changing" "$work/tree" "$work/tree.state" "$work/again" "$work/again.state"
}

bench_install() {
    echo "## Install: 200 packs from a registry tree in a folder, verified and synced"
    echo
    settled "$packs" "$work/again"
    refs=$(ls "$packs" | head -200 | tr '\n' ' ')
    rm -rf "$work/flat"; mkdir -p "$work/flat"
    for ref in $refs; do cp "$work/again/archives/$ref/"*.tar.gz "$work/flat/"; done
    (cd "$work/flat" && sha256sum *.tar.gz > SHA256SUMS)
    pairs "rm -rf $work/to; mkdir -p $work/to" \
        "sha256sum and 2 tar=cd $work/to && (cd $work/flat && sha256sum --status -c SHA256SUMS) && ls $work/flat/*.gz | xargs -P2 -n1 tar xzf" \
        "attune=ATTUNE__PACKS_BASE_DIR=$work/to $attune pack install $refs --skip-deps --registry $work/again -q"
    rm -rf "$work/to" "$work/flat" "$work/again" "$work/again.state"
}

# Serves $work/web on a free port of this machine until the script ends; sets $url.
serve_web() {
    port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    {
        echo "worker_processes 1; daemon off; pid $work/nginx.pid; error_log /dev/null; events { worker_connections 2000; }"
        echo "http { access_log off; sendfile on; keepalive_requests 1000000;"
        for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $work/nginx-tmp;"; done
        echo "types { text/html html; application/json json; application/gzip gz; }"
        echo "server { listen 127.0.0.1:$port backlog=1024; root $work/web; } }"
    } > "$work/nginx.conf"
    nginx -p "$work" -c "$work/nginx.conf" 2>/dev/null &
    trap "kill $!" EXIT
    url=http://127.0.0.1:$port
    until curl -s -o "$work/answer" "$url/requirements.txt"; do sleep 0.1; done
}

# nginx on this machine serves all; uv and the interpreter it looks at are the programs themselves, so that no wrapper is timed.
bench_web() {
    echo "## Install: 200 packs from nginx on loopback, verified"
    echo
    uv=$("$python" -c 'import uv; print(uv.find_uv_bin())')
    interpreter=$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))')
    # The interpreter that ours asks for its version as well.
    PATH=$(dirname "$interpreter"):$PATH; export PATH
    rm -rf "$work/web" "$work/to" "$work/warm" "$work/uv-cold" "$work/uv-warm" "$work/aside"; mkdir -p "$work/web/flat" "$work/warm"
    "$python" "$here/make_wheels.py" "$packs" "$work/web" 200
    settled "$packs" "$work/web/tree"
    refs=$(ls "$packs" | LC_ALL=C sort | head -200 | tr '\n' ' ')
    for ref in $refs; do cp "$work/web/tree/archives/$ref/"*.tar.gz "$work/web/flat/"; done
    (cd "$work/web/flat" && sha256sum *.tar.gz > "$work/SHA256SUMS")
    serve_web
    awk -v url="$url" '{ print "url = \"" url "/flat/" $2 "\"\noutput = \"" $2 "\"" }' "$work/SHA256SUMS" > "$work/curl.cfg"
    uv_install="$uv pip install -q --no-deps --index-url $url/simple --target $work/to --python $interpreter -r $work/web/requirements.txt --cache-dir"
    ours="$attune pack install $refs --registry $url/tree/ -q"
    ATTUNE__PACKS_BASE_DIR=$work/warm $ours >/dev/null
    $uv_install "$work/uv-warm"
    # What was made is put aside: ext4 makes files slowly where many were deleted a moment ago. It is synced, so that
    # whoever syncs what he makes does not sync what others made.
    mkdir "$work/aside"
    put_away="aside=\$(mktemp -d $work/aside/XXXXXX); mv $work/to $work/uv-cold \$aside/ 2>/dev/null || true"
    [ -z "${REMOVED:-}" ] || put_away="rm -rf $work/to $work/uv-cold"
    pairs "$put_away; sync -f $work; mkdir -p $work/to; case \$NAME in attune*warm) ATTUNE__PACKS_BASE_DIR=$work/warm $attune pack uninstall $refs --yes -q ;; esac" \
        "curl, sha256sum, 2 tar=cd $work/to && curl -s --parallel --parallel-max 8 -K $work/curl.cfg && sha256sum --status -c $work/SHA256SUMS && ls *.gz | xargs -P2 -n1 tar xzf && rm *.gz" \
        "attune, cold=ATTUNE__PACKS_BASE_DIR=$work/to $ours" \
        "uv, cold=$uv_install $work/uv-cold" \
        "uv, warm=$uv_install $work/uv-warm" \
        "attune, warm=ATTUNE__PACKS_BASE_DIR=$work/warm $ours"
    ATTUNE__PACKS_BASE_DIR=$work/warm $ours >/dev/null
    pairs "true" \
        "attune, nothing to do=ATTUNE__PACKS_BASE_DIR=$work/warm $ours" \
        "attune, nothing to do, one pack=ATTUNE__PACKS_BASE_DIR=$work/warm $attune pack install ${refs%% *} --registry $url/tree/ -q"
    rm -rf "$work/web" "$work/to" "$work/warm" "$work/uv-cold" "$work/uv-warm" "$work/aside"
}

bench_check() {
    echo "## Check: the tree of $count packs, every byte"
    echo
    settled "$packs" "$work/again"
    pairs "true" \
        "Python, 2 processes=$python $here/peer_check.py $work/again" \
        "attune=$attune registry check $work/again -q" \
        "attune --quick=$attune registry check $work/again --quick -q"
    rm -rf "$work/again" "$work/again.state"
}

bench_resolve() {
    echo "## Resolve: one pack among 2,000 of ten versions, each of which needs three others"
    echo
    (cd "$here/.." && cargo run -q --release -p pack-resolve --example universe)
}

bench_merge() {
    echo "## Merge: two indexes of 10,000 entries, half of them in both, the newest version stays"
    echo
    [ -f "$work/a.json" ] || "$python" "$here/make_index.py" "$work/a.json" 10000
    [ -f "$work/b.json" ] || "$python" "$here/make_index.py" "$work/b.json" 10000 5000 2
    set -- "Python=$python $here/peer_merge.py $work/merged.json $work/a.json $work/b.json" \
        "attune=$attune pack index-merge --output $work/merged.json --on-shadow newest $work/a.json $work/b.json -q"
    if command -v jq >/dev/null; then set -- "$@" "jq=jq -s -f $here/peer_merge.jq $work/a.json $work/b.json > $work/merged.json"; fi
    pairs "rm -f $work/merged.json" "$@"
    rm -f "$work/merged.json"
}

echo "$("$attune" version), $(uname -sm), $(nproc) cores, on $(df --output=fstype "$work" | tail -n 1); load $(cut -d' ' -f1 /proc/loadavg 2>/dev/null || echo unknown)"
echo
for row in "$@"; do "bench_$row"; done
