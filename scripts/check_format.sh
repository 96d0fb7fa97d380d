#!/usr/bin/env bash
# Every C++ source is as clang-format writes it; `scripts/format.sh` puts it right. Exit 77: no tool.
exec "$(dirname "$0")/format.sh" --check
