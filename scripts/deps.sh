#!/usr/bin/env bash
# Installs the Debian packages that the project needs and does not find: build, and (by default) test.
#   scripts/deps.sh build     what `make run` needs
#   scripts/deps.sh test      that, and the real parts that the tests run against
#   scripts/deps.sh coverage  test, and what counts which lines were run
#   scripts/deps.sh package   build, and what makes a Debian package; packages-test: what tests packages for real
# Does nothing, in milliseconds, when nothing is missing. Uses sudo where not root.
set -euo pipefail

build=(
  clang-19 lld-19 cmake ninja-build ccache make git python3 pkg-config ca-certificates
  libboost1.81-dev libcurl4-openssl-dev libssl-dev libsoci-dev libsqlite3-dev libpq-dev libmariadb-dev libfmt-dev libspdlog-dev
  libcli11-dev nlohmann-json3-dev libyaml-cpp-dev libtomlplusplus-dev libhowardhinnant-date-dev tzdata liblzma-dev libzstd-dev zlib1g-dev liblz4-dev libbrotli-dev libbz2-dev libpugixml-dev libnghttp2-dev
  libhiredis-dev
  libkainjow-mustache-dev
  prometheus-cpp-dev
  libgtest-dev libgrpc++-dev libprotobuf-dev protobuf-compiler
)
test=(clang-format-19 nix-bin nginx-light openssl wrk curl nghttp2-client iproute2 procps xz-utils zstd bzip2 zsh fish
  postgresql-15 mariadb-server ceph-mon ceph-osd radosgw python3-botocore libfaketime
  redis-server haproxy
  chromium chromium-driver
  valgrind strace binutils
  prometheus python3-grpcio python3-protobuf
  systemd python3-seccomp python3-yaml python3-jsonschema dpkg-dev man-db file shellcheck golang-go golang-github-masterminds-sprig-dev golang-k8s-sigs-yaml-dev)
sanitizers=(libclang-rt-19-dev)
lint=(clang-tidy-19)
coverage=(llvm-19)
package=(dpkg-dev file)
packages_test=(buildah debootstrap)

case "${1:-test}" in
  build) wanted=("${build[@]}") ;;
  test) wanted=("${build[@]}" "${test[@]}" "${sanitizers[@]}") ;;
  package) wanted=("${build[@]}" "${package[@]}") ;;
  packages-test) wanted=("${build[@]}" "${test[@]}" "${sanitizers[@]}" "${package[@]}" "${packages_test[@]}") ;;
  coverage) wanted=("${build[@]}" "${test[@]}" "${sanitizers[@]}" "${coverage[@]}") ;;
  lint) wanted=("${build[@]}" "${lint[@]}") ;;
  *) echo "usage: scripts/deps.sh build|test|lint|coverage|package|packages-test" >&2; exit 2 ;;
esac

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=absent
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "missing packages, and neither root nor sudo here: apt-get install ${missing[*]}" >&2; exit 1; }
  root=(sudo)
fi
echo "installing: ${missing[*]}"
"${root[@]}" apt-get update -qq
# A package may bring a daemon (nginx, PostgreSQL, MariaDB): it is not started, and tests start their own.
policy=/usr/sbin/policy-rc.d
made_policy=
if [ ! -e "$policy" ]; then
  made_policy=yes
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
  "${root[@]}" chmod +x "$policy"
fi
status=0
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/tmp/ncps-deps.$$ 2>&1 || status=$?
[ -z "$made_policy" ] || "${root[@]}" rm -f "$policy"
[ $status -eq 0 ] || { cat /tmp/ncps-deps.$$; rm -f /tmp/ncps-deps.$$; exit $status; }
rm -f /tmp/ncps-deps.$$
# Nor at the next boot, if it was us who brought it.
for pair in nginx-light:nginx postgresql-15:postgresql mariadb-server:mariadb redis-server:redis-server haproxy:haproxy prometheus:prometheus; do
  if command -v systemctl >/dev/null && [[ " ${missing[*]} " == *" ${pair%:*} "* ]]; then
    "${root[@]}" systemctl disable --quiet "${pair#*:}" >/dev/null 2>&1 || true
  fi
done
