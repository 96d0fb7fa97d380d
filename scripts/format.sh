#!/usr/bin/env bash
# Formats every C++ source in place; with --check, lists those that are not formatted. The output of
# clang-format differs between versions, so only version 14 is used. Exit 77: not installed.
set -euo pipefail
cd "$(dirname "$0")/.."

formatter=
for candidate in clang-format-14 clang-format; do
  command -v "$candidate" >/dev/null || continue
  [[ $("$candidate" --version) =~ version\ 14\. ]] || continue
  formatter=$candidate
  break
done
[[ -n $formatter ]] || { echo "skipped: no clang-format 14 here"; exit 77; }

mode=(-i)
[[ ${1:-} == --check ]] && mode=(--dry-run --Werror)
mapfile -d '' sources < <(find cli core formats tests bench -name '*.[ch]pp' -print0 2>/dev/null)
"$formatter" "${mode[@]}" "${sources[@]}"
