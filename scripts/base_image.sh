#!/usr/bin/env bash
# Makes debian:bookworm-slim of Debian's packages, for buildah, where no registry can be reached:
#   scripts/base_image.sh [NAME]
# As root. The sources are those of this machine.
set -euo pipefail
name=${1:-localhost/debian:bookworm-slim}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mirror=$(grep -rhoE '^(URIs: |deb )http[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | awk 'NR == 1 {print $2}' || true)
debootstrap --variant=minbase bookworm "$work/tree" ${mirror:+"$mirror"} >"$work/log" 2>&1 || { tail "$work/log"; exit 1; }
rm -rf "$work/tree"/var/cache/apt/archives/*.deb "$work/tree"/var/lib/apt/lists/*
cp -r /etc/apt/sources.list.d/debian.sources "$work/tree/etc/apt/sources.list.d/" 2>/dev/null && rm -f "$work/tree/etc/apt/sources.list"
container=$(buildah from scratch)
buildah copy --quiet "$container" "$work/tree" / >/dev/null
buildah config --cmd bash --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
buildah commit --quiet --rm "$container" "$name"
