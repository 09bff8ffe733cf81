#!/usr/bin/env bash
# Builds the image `ncps` from source:   scripts/image.sh [TAG]
# With docker, podman or buildah, whichever is here. Where no registry can be reached, NCPS_BASE names another
# image to build on (scripts/base_image.sh makes one of Debian's packages).
set -euo pipefail
cd "$(dirname "$0")/.."
tag=${1:-ncps}
arguments=(--file packaging/docker/Dockerfile --tag "$tag" --build-arg "BASE=${NCPS_BASE:-debian:bookworm-slim}")
if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
  DOCKER_BUILDKIT=1 exec docker build "${arguments[@]}" .
fi
if command -v podman >/dev/null; then program=podman; else program=buildah; fi
if ! command -v $program >/dev/null; then
  echo "neither docker nor podman nor buildah is here" >&2
  exit 1
fi
# The format of Docker's: that of OCI has no health check.
exec $program build --format docker "${arguments[@]}" ${NCPS_BASE:+--pull-never --network host} .
