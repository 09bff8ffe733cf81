#!/usr/bin/env bash
# Builds with a sanitizer and runs the unit tests:   scripts/sanitized.sh asan|tsan [full]
# full: the end-to-end tests as well, against the sanitized server.
set -euo pipefail
preset=$1
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" -j "$(nproc)"
if [ "${2:-}" = full ]; then
  ctest --preset "$preset" -j "$(nproc)" -LE "timing|release"
else
  ctest --preset "$preset" -j "$(nproc)" -LE e2e
fi
