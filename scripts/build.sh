#!/usr/bin/env bash
# Configures (once) and builds one CMake preset. Usage: scripts/build.sh [PRESET] [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-release}
shift || true

# Use a compiler cache if there is one.
if [[ -z ${CMAKE_CXX_COMPILER_LAUNCHER:-} ]] && command -v ccache >/dev/null 2>&1; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache
  # Without these it stores nothing that is compiled with a precompiled header.
  export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}
fi

# Ninja re-runs CMake by itself when a CMakeLists.txt changes.
[[ -f build/$preset/build.ninja ]] || cmake --preset "$preset"
targets=()
for target in "$@"; do targets+=(--target "$target"); done
cmake --build --preset "$preset" --parallel "${EMBEDTOOL_JOBS:-$(nproc)}" "${targets[@]}"
