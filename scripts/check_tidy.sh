#!/usr/bin/env bash
# clang-tidy over the sources (minutes; not part of scripts/test.sh). Give files to check only these.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clang-tidy >/dev/null || { echo "skipped: no clang-tidy here"; exit 77; }
[[ -f build/clang/compile_commands.json ]] || cmake --preset clang
if [[ $# -eq 0 ]]; then
  mapfile -t sources < <(find cli core formats -name '*.cpp')
  set -- "${sources[@]}"
fi
printf '%s\0' "$@" | xargs -0 -n 1 -P "${EMBEDTOOL_JOBS:-$(nproc)}" clang-tidy --quiet -p build/clang
