#!/usr/bin/env bash
# Our sources, benchmarks among them, compile with clang too; with clang 14, without a warning. (A
# newer clang may have new warnings.) Exit 77: no clang.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clang++ >/dev/null || { echo "skipped: no clang++ here"; exit 77; }
if [[ ! -f build/clang/build.ninja ]]; then
  werror=OFF
  [[ $(clang++ -dumpversion) == 14.* ]] && werror=ON
  cmake --preset clang -D EMBEDTOOL_WERROR="$werror"
fi
scripts/build.sh clang embedtool benchmarks
