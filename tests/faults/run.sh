#!/bin/sh
# What can go wrong around build, what changes installed packs, fetch, and the commands that write index files or
# change and merge trees.
#
#   ATTUNE_TEST_FAULTS=DIR-of-powercut.py sh tests/faults/run.sh ATTUNE-BINARY [MODE...] [-- SCENARIO...]
#
#   power   the power is cut at every file-system call
#   kill    the command is killed at every file-system call
#   fail    every file-system call fails, with each error it may have, once and from then on (fail_calls.py)
#   disk    disks of every size, and of every number of files (small_disks.py)
#   places  odd places, the same for all scenarios (odd_places.sh)
#
# Without a mode, all of them. MAX_CUTS bounds the first two; FAIL_OPTIONS are further words for fail_calls.py, as `--part 1/4`.
# Root on Linux, with strace and mounts. Each scenario prints one line; the exit code is 0 only
# if nothing but the old or the new state was left anywhere.
set -eu
attune=$(realpath "${1:?the attune binary}"); shift
here=$(cd "$(dirname "$0")" && pwd)
modes='' scenarios=''
while [ $# -gt 0 ]; do
    if [ "$1" = -- ]; then shift; scenarios=$*; break; fi
    modes="$modes $1"; shift
done
[ -n "$modes" ] || modes='power kill fail disk places'
[ -n "$scenarios" ] || scenarios='build rebuild install web git git-local git-cached upgrade rollback uninstall retain prune repair fetch index-update index-merge index-tree yank takedown merge publish-http yank-http'

server='' asker='' repositories=''
work=$(mktemp -d); trap 'kill $server $asker $repositories 2>/dev/null || true; rm -rf "$work"' EXIT
export HOME=$work ATTUNE="$attune" SOURCE_DATE_EPOCH=1700000000
pack() { # DIR VERSION
    mkdir -p "$1/actions"
    printf 'ref: slack\nlabel: Slack\nversion: "%s"\nrepository: https://example.org/slack\n' "$2" > "$1/pack.yaml"
    printf 'ref: slack.run\nrunner_type: shell\nentry_point: run.sh\n' > "$1/actions/run.yaml"
    printf '#!/bin/sh\necho %s\n' "$2" > "$1/actions/run.sh"; chmod 755 "$1/actions/run.sh"
}
pack "$work/one/slack" 1.0.0; pack "$work/two/slack" 2.0.0
"$attune" registry build "$work/one" "$work/two" --out "$work/tree" -q >/dev/null 2>&1
export TREE="$work/tree"
for one in one two; do
    "$attune" registry build "$work/$one" --out "$work/tree-$one" -q >/dev/null 2>&1
done

# The same registry over HTTP: what arrives is cached beside what is installed.
"$attune" registry serve "$work/tree" --listen 127.0.0.1:0 > "$work/served" &
server=$!
until grep -q http "$work/served"; do kill -0 "$server"; done
url=$(sed -n 's/.* \(http:[^ ]*\).*/\1/p' "$work/served")

# The pack in a git repository behind a server, whose own files do not fail: what arrives of a commit is cached too.
cp -a "$work/one/slack" "$work/repository"
in_repository() { git -C "$work/repository" -c user.name=fault -c user.email=fault@example.org "$@" >/dev/null; }
in_repository init -q; in_repository add -A; in_repository commit -q -m one
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$(git --exec-path)/git-daemon" --base-path="$work" --export-all --reuseaddr --listen=127.0.0.1 --port="$port" 2>/dev/null &
repositories=$!
repository="git://127.0.0.1:$port/repository"
until git ls-remote -q "$repository" >/dev/null 2>&1; do kill -0 "$repositories"; done
commit=$(git -C "$work/repository" rev-parse HEAD)

# Index files: one that lists two packs, and one to merge with it.
entry() { # REF VERSION
    printf '{"ref":"%s","version":"%s","install_sources":[{"type":"archive","url":"https://example.org/%s.tar.gz","checksum":"sha256:%064d"}]}' "$1" "$2" "$1" 0
}
root='"registry_name":"R","registry_url":"https://example.org/","last_updated":"2020-01-01T00:00:00Z"'
printf '{%s,"packs":[%s,%s]}' "$root" "$(entry aws 1.0.0)" "$(entry slack 1.0.0)" > "$work/old.json"
printf '{%s,"packs":[%s]}' "$root" "$(entry slack 2.0.0)" > "$work/other.json"

# What is asked of a registry that is served, see `served.py`.
"$attune" pack archive "$work/two/slack" --out "$work" -q >/dev/null
asked_by_http() { # METHOD PATH [FILE]
    [ -z "$asker" ] || { kill "$asker"; wait "$asker" || true; rm -f "$work/asker"; } 2>/dev/null
    python3 "$here/served.py" ask "$work" "$@" &
    asker=$!
    until [ -S "$work/asker" ]; do kill -0 "$asker"; done
}

packs="env ATTUNE__PACKS_BASE_DIR={root}/packs HOME=$work $attune pack"
registry="env HOME=$work SOURCE_DATE_EPOCH=1700000000 $attune registry"
build="$registry build"
token="$attune registry token create --user fault --scope publish,yank --refs slack --tree {root}/tree --json"
serving="$build $work/one --out {root}/tree && $token | sed -n 's/.*\"token\": *\"\([^\"]*\)\".*/\1/p' > $work/token"
source="--git-url https://example.org/slack.git --git-ref v2.0.0 --update"
update="env HOME=$work SOURCE_DATE_EPOCH=1700000000 $attune pack index-update $work/two/slack $source"
merge="env HOME=$work $attune pack index-merge --force --output {root}/index.json {root}/index.json $work/other.json"
damage="echo 'echo damaged' > {root}/packs/slack/actions/run.sh"
installed="$packs install slack@1.0.0 --registry $work/tree"
git="$packs install $repository --ref $commit"
failed=0
for mode in $modes; do
    case $mode in
    power|kill) tool="${ATTUNE_TEST_FAULTS:?folder of powercut.py}/powercut.py --max ${MAX_CUTS:-1500}" ;;
    fail) tool="$here/fail_calls.py ${FAIL_OPTIONS:-}" ;;
    disk) tool="$here/small_disks.py" ;;
    places) sh "$here/odd_places.sh" "$attune" "$work/tree" || failed=1; continue ;;
    *) echo "no mode $mode" >&2; exit 2 ;;
    esac
    for scenario in $scenarios; do
        case $scenario in
        build) setup=true; run="$build $work/one --out {root}/tree"; check="sh $here/check_tree.sh {root} $work/one 1.0.0" ;;
        rebuild) setup="$build $work/one --out {root}/tree"; run="$build $work/two --out {root}/tree"; check="sh $here/check_tree.sh {root} $work/two 2.0.0" ;;
        install) setup=true; run=$installed; check="sh $here/check_packs.sh {root} none 1.0.0" ;;
        web) setup=true; run="$packs install slack@1.0.0 --registry $url"; check="sh $here/check_packs.sh {root} none 1.0.0" ;;
        git) setup=true; run=$git; check="sh $here/check_git.sh {root} $repository $commit" ;;
        git-local) setup=true; run="$packs install $work/repository --ref $commit"; check="sh $here/check_packs.sh {root} none 1.0.0" ;;
        git-cached) setup="$git && $packs uninstall slack"; run="$git --offline"; check="sh $here/check_git.sh {root} $repository $commit" ;;
        upgrade) setup=$installed; run="$packs install slack@2.0.0 --registry $work/tree"; check="sh $here/check_packs.sh {root} 1.0.0 2.0.0" ;;
        rollback) setup="$installed && $packs install slack@2.0.0 --registry $work/tree"; run="$packs rollback slack"; check="sh $here/check_packs.sh {root} 2.0.0 1.0.0" ;;
        uninstall) setup=$installed; run="$packs uninstall slack"; check="sh $here/check_packs.sh {root} 1.0.0 none" ;;
        retain) setup=$installed; run="env ATTUNE__RETENTION__GENERATIONS=1 $packs install slack@2.0.0 --registry $work/tree"; check="sh $here/check_packs.sh {root} 1.0.0 2.0.0" ;;
        prune) setup="$installed && $packs install slack@2.0.0 --registry $work/tree"; run="$packs prune --keep 1"; check="sh $here/check_packs.sh {root} 2.0.0 2.0.0" ;;
        repair) setup="$installed && $damage"; run="$packs verify --repair --registry $work/tree"; check="sh $here/check_repair.sh {root}" ;;
        fetch) setup=true; run="$packs fetch slack@1.0.0 --archive --registry $work/tree --to {root}/out"; check="sh $here/check_fetch.sh {root}" ;;
        index-update) setup="cp $work/old.json {root}/index.json"; run="$update --index {root}/index.json"; check="sh $here/check_index.sh {root} 1.0.0 2.0.0" ;;
        index-merge) setup="cp $work/old.json {root}/index.json"; run=$merge; check="sh $here/check_index.sh {root} 1.0.0 2.0.0" ;;
        index-tree) setup="$build $work/one --out {root}/tree"; run="$update --index {root}/tree/index.json"; check="sh $here/check_tree.sh {root} $work/two 2.0.0" ;;
        yank) setup="$build $work/one --out {root}/tree"; run="env HOME=$work SOURCE_DATE_EPOCH=1700000000 $attune pack yank slack@1.0.0 --tree {root}/tree --reason broken"; check="sh $here/check_yank.sh {root}" ;;
        takedown) setup="$build $work/one --out {root}/tree"; run="$registry takedown slack@1.0.0 --tree {root}/tree --reason law --yes"; check="sh $here/check_takedown.sh {root}" ;;
        merge) setup="$registry merge $work/tree-one --out {root}/tree"; run="$registry merge $work/tree-one $work/tree-two --out {root}/tree"; check="sh $here/check_merge.sh {root} $work/tree-one $work/tree-two" ;;
        publish-http|yank-http)
            what=${scenario%-http} setup=$serving check="sh $here/check_served.sh {root} $work $what"
            case $what in
            publish) asked="PUT /api/v1/packs/slack/2.0.0 $work/slack-2.0.0.tar.gz" command="publish $work/slack-2.0.0.tar.gz" ;;
            yank) asked="POST /api/v1/packs/slack/1.0.0/yank" command="yank slack@1.0.0 --reason broken" ;;
            esac
            # Where the machine stays up, the command itself says how it ended.
            case $mode in
            power|kill) asked_by_http $asked; run="sh $here/serve.sh $work {root}/tree" ;;
            disk) run="sh $here/serve_once.sh $work {root}/tree $command" check="$check told" ;;
            *) echo " $scenario: not in mode $mode"; continue ;;
            esac ;;
        *) echo "no scenario $scenario" >&2; exit 2 ;;
        esac
        printf '%-12s ' "$scenario"
        # The words of the tool are its path and its limit.
        python3 $tool --mode "$mode" --setup "$setup" --run "$run" --check "$check" || failed=1
    done
done
exit $failed
