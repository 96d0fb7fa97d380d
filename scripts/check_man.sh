#!/usr/bin/env bash
# Manual pages are well-formed mdoc. Exit 77: no tool.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v mandoc >/dev/null || { echo "skipped: no mandoc here"; exit 77; }
mandoc -T lint -W warning man/*.[17]
