#!/bin/sh
# Installs what building, running and `make check` need, from Debian's own packages (Debian 12 and 13).
#   --check   only says whether something is missing (exit 1)
#   --ci      also what lint, clang builds and fuzzing need
set -eu

run="gcc g++ make pkg-config protobuf-c-compiler libprotobuf-c-dev libmicrohttpd-dev libcurl4-openssl-dev libzstd-dev
zlib1g-dev libsimdjson-dev libssl-dev libyaml-dev libxxhash-dev libcrypt-dev perl python3 curl ca-certificates"
ci="clang clang-tidy clang-format llvm libclang-rt-dev cppcheck jq prometheus nodejs npm git"
# Debian 12 names the sanitizer runtime by its version.
[ "$(. /etc/os-release; echo "${VERSION_ID:-}")" = 12 ] && ci=$(echo "$ci" | sed 's/libclang-rt-dev/libclang-rt-14-dev/')

want=$run
mode=${1:-}
[ "$mode" = --ci ] && want="$run $ci"

if ! command -v dpkg-query >/dev/null; then
    echo "not a Debian system, nothing is installed; needed are what these packages hold: $want" >&2
    exit 0
fi

# A tool that is there by other means need not be a package.
installed() {
    case $1 in
    nodejs) command -v node >/dev/null && return ;;
    perl) command -v prove >/dev/null && return ;;
    npm | git | gcc | g++ | make | jq | curl | python3) command -v "$1" >/dev/null && return ;;
    esac
    dpkg-query -W -f='${Status}\n' "$1" 2>/dev/null | grep -q '^install ok installed'
}
missing=
for p in $want; do
    installed "$p" || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
if [ "$mode" = --check ]; then
    exit 1
fi

root=
[ "$(id -u)" = 0 ] || root=sudo
if [ -n "$root" ] && ! command -v sudo >/dev/null; then
    echo "missing packages:$missing" >&2
    echo "run this as root, or install sudo: $0 $*" >&2
    exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$root apt-get update -qq
# shellcheck disable=SC2086
$root apt-get install -y -qq --no-install-recommends $missing >/dev/null
