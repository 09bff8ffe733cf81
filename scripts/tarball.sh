#!/usr/bin/env bash
# The program with the libraries that it needs, to be unpacked anywhere:   scripts/tarball.sh [BUILD_FOLDER]
# glibc is the system's: its parts must be of one version.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release}
version=$("$build/ncps" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+')
name=ncps-$version-$(uname -m)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --strip --prefix "$work/$name" >/dev/null
lib=$work/$name/lib/ncps
mkdir -p "$lib"
ldd "$build/ncps" | awk '$3 ~ /^\// {print $3}' | grep -vE '/(libc|libm|libdl|librt|libpthread|libresolv)\.so' | xargs -I{} cp -L {} "$lib/"
python3 tools/dependencies.py "$build/ncps" --licences "$work/$name/share/doc/ncps/libraries"
mv "$work/$name/bin/ncps" "$lib/ncps"
cat >"$work/$name/bin/ncps" <<'SCRIPT'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")/../lib/ncps
LD_LIBRARY_PATH=$here exec "$here/ncps" "$@"
SCRIPT
chmod +x "$work/$name/bin/ncps"
# The unit names a place that only you know.
rm -rf "$work/$name/lib/systemd" "$work/$name/lib/sysusers.d"
mkdir -p "$build/packages"
tar --owner=0 --group=0 -C "$work" -czf "$build/packages/$name.tar.gz" "$name"
echo "$build/packages/$name.tar.gz"
