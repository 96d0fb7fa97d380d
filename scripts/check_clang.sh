#!/usr/bin/env bash
# Our sources, benchmarks among them, compile with clang too, without a warning. Exit 77: no clang.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clang++ >/dev/null || { echo "skipped: no clang++ here"; exit 77; }
scripts/build.sh clang embedtool benchmarks
