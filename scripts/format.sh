#!/usr/bin/env bash
# Formats every C++ source in place.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files -z 'cli/*.[ch]pp' 'core/*.[ch]pp' 'formats/*.[ch]pp' 'tests/*.[ch]pp' 'bench/*.[ch]pp' | xargs -0 -r clang-format -i
