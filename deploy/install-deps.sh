#!/bin/sh
# Installs what building, running and `make check` need, from Debian's own packages (Debian 12 and 13).
#   --check   only says whether something is missing (exit 1)
#   --ci      also what lint, clang builds and fuzzing need
set -eu

run="gcc g++ make pkg-config protobuf-c-compiler libprotobuf-c-dev libmicrohttpd-dev libcurl4-openssl-dev libzstd-dev
zlib1g-dev libsimdjson-dev libssl-dev libyaml-dev libxxhash-dev libcrypt-dev perl curl ca-certificates"
ci="clang clang-tidy clang-format llvm libclang-rt-dev cppcheck jq prometheus nodejs npm git"
# Debian 12 names the sanitizer runtime by its version.
[ "$(. /etc/os-release; echo "${VERSION_ID:-}")" = 12 ] && ci=$(echo "$ci" | sed 's/libclang-rt-dev/libclang-rt-14-dev/')

want=$run
mode=${1:-}
[ "$mode" = --ci ] && want="$run $ci"

missing=
for p in $want; do
    dpkg-query -W -f='${Status}\n' "$p" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $p"
done
# A tool that is there by other means need not be a package.
for p in $missing; do
    case $p in
    nodejs) command -v node >/dev/null && missing=$(echo "$missing" | sed "s/ $p//") ;;
    npm | git | gcc | g++ | make | jq | curl | perl) command -v "$p" >/dev/null && missing=$(echo "$missing" | sed "s/ $(echo "$p" | sed 's/+/[+]/g')//") ;;
    esac
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
