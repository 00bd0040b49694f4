# shellcheck shell=sh disable=SC2034
# Settings and functions of the steps; they source this file, nothing runs it.
#
# Every setting is an environment variable, so that the steps do the same on a laptop and on any CI service:
#
#   PACK_DIR      the pack, or (for changed.sh) the folder of packs              .
#   DIST          where archives go; git never sees it                           dist
#   TAG           the tag that is published; CI services say it themselves       none
#   REGISTRY      checkout of the index repository                               dist/registry
#   INDEX_REPO    git URL of the index repository
#   INDEX_BRANCH  its branch                                                     main
#   INDEX_FILE    the index in it                                                index.json
#   INDEX_USER    name that goes with INDEX_TOKEN                                attune
#   INDEX_TOKEN   token for INDEX_REPO over https; ssh URLs need none            none
#   PUBLISH       push, branch, pull-request (GitHub) or merge-request (GitLab)  push
#   ARCHIVE_BASE  URL of the folder that archives are downloaded from             releases of GitHub, packages of GitLab
#   GIT_URL       https URL of the pack's repository; empty: no git source       what the service says
#   UPLOAD_TOKEN  bearer token for uploads to ARCHIVE_BASE                        none
#
# A registry that is built and hosted has these besides:
#
#   SITE          the registry that is made                                      public
#   BASE_URL      where it will be hosted                                        what registry.yaml says
#   TREE_BRANCH   branch that keeps the tree between builds                      tree
#   TREE_REPO     git URL of its repository                                      origin
#   UPSTREAMS     indexes to merge, where there are no packs                     none
#   DEPLOY_TO     folder or rsync address to copy the tree to

set -eu

PACK_DIR=${PACK_DIR:-.}
DIST=${DIST:-dist}
REGISTRY=${REGISTRY:-dist/registry}
INDEX_BRANCH=${INDEX_BRANCH:-main}
INDEX_FILE=${INDEX_FILE:-index.json}
PUBLISH=${PUBLISH:-push}
SITE=${SITE:-public}
TREE_BRANCH=${TREE_BRANCH:-tree}
# Where install.sh puts the program.
PATH=$PATH:${ATTUNE_BIN:-${HOME:-}/.local/bin}

# The tag of this run and the address of the repository, by whichever name the service gives them.
if [ -z "${TAG:-}" ]; then
    TAG=${CI_COMMIT_TAG:-${TAG_NAME:-}}
    if [ "${GITHUB_REF_TYPE:-}" = tag ]; then
        TAG=${GITHUB_REF_NAME:-}
    fi
fi
if [ -n "${GITHUB_REPOSITORY:-}" ]; then
    GIT_URL=${GIT_URL-$GITHUB_SERVER_URL/$GITHUB_REPOSITORY}
else
    GIT_URL=${GIT_URL-${CI_PROJECT_URL:-}}
fi

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# A folder that git and pack archives pass over.
scratch() {
    mkdir -p -- "$1"
    echo '*' >"$1/.gitignore"
}

# Whether the tag names this version. People look at the commit of a tag, so the two must not contradict each other.
check_tag() {
    case $TAG in
    '' | "$2" | "v$2" | "$1-$2" | "$1-v$2" | "$1/$2" | "$1/v$2") ;;
    *) fail "the tag \`$TAG\` does not name version $2 of $PACK_DIR/pack.yaml; expected v$2" ;;
    esac
}

# What archive.sh made: sets PACK_REF, PACK_VERSION, PACK_ARCHIVE, PACK_CHECKSUM, and RELEASE and ARCHIVE_URL from them.
load_pack() {
    [ -f "$DIST/pack.env" ] || fail "$DIST/pack.env is missing; run archive.sh first"
    # shellcheck source=/dev/null
    . "$DIST/pack.env"
    check_tag "$PACK_REF" "$PACK_VERSION"
    RELEASE=${TAG:-$PACK_REF-$PACK_VERSION}
    if [ -n "${ARCHIVE_BASE:-}" ]; then
        ARCHIVE_URL=${ARCHIVE_BASE%/}/$PACK_ARCHIVE
    elif [ -n "${GITHUB_REPOSITORY:-}" ]; then
        ARCHIVE_URL=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/releases/download/$RELEASE/$PACK_ARCHIVE
    elif [ -n "${CI_PROJECT_ID:-}" ]; then
        ARCHIVE_URL=$CI_API_V4_URL/projects/$CI_PROJECT_ID/packages/generic/$PACK_REF/$PACK_VERSION/$PACK_ARCHIVE
    else
        ARCHIVE_URL=
    fi
}

# git for INDEX_REPO. The token comes from the environment, so it is in no URL, file or process list, and it goes to the host
# of INDEX_REPO over https and to nobody else, wherever that may redirect to.
index_git() {
    export GIT_TERMINAL_PROMPT=0
    case ${INDEX_TOKEN:+${INDEX_REPO:-}} in
    https://*)
        export INDEX_TOKEN
        host=${INDEX_REPO#https://}
        host=${host%%/*}
        # shellcheck disable=SC2016
        git -c credential.helper= -c "credential.https://${host##*@}.helper="'!token() {
            [ "$1" = get ] && printf "username=%s\npassword=%s\n" "${INDEX_USER:-attune}" "$INDEX_TOKEN"
        }; token' "$@"
        ;;
    *) git "$@" ;;
    esac
}

# git for the tree in SITE. What git keeps lies beside it: the tree holds nothing but what is hosted.
site_git() {
    index_git --git-dir="$SITE.git" --work-tree="$SITE" "$@"
}
