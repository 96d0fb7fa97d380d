#!/usr/bin/env bash
# Formats every C++ source in place.
set -euo pipefail
cd "$(dirname "$0")/.."
find cli core formats tests bench -name '*.[ch]pp' -print0 | xargs -0 -r clang-format -i
