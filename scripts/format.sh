#!/usr/bin/env bash
# Formats every C++ source in place, or with --check says which are not formatted.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=(-i)
[[ ${1:-} == --check ]] && mode=(--dry-run --Werror)
mapfile -d '' sources < <(find cli core formats tests bench -name '*.[ch]pp' -print0 2>/dev/null)
clang-format "${mode[@]}" "${sources[@]}"
