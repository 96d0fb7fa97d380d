#!/usr/bin/env bash
# Shell scripts pass shellcheck. Exit 77: no tool.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v shellcheck >/dev/null || { echo "skipped: no shellcheck here"; exit 77; }
find scripts tests bench .ci -path '*/node_modules' -prune -o \( -name '*.sh' -o -path '.ci/run' \) -print0 |
  xargs -0 shellcheck -x
