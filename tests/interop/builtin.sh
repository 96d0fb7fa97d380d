#!/usr/bin/env bash
# The vectors of the models inside the program, read from their folders by code that is not ours:
# pieces by sentencepiece's own Python module, means and norms by numpy. Exit 77: a tool is missing.
set -euo pipefail
binary=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$here/../..
python=/usr/bin/python3

skip() { echo "skipped: $1"; exit 77; }
"$python" -c 'import numpy, sentencepiece' 2>/dev/null ||
  skip "Python's numpy or sentencepiece is not installed"

work=$(mktemp -d "${TMPDIR:-/tmp}/embedtool-builtin.XXXXXX")
trap 'rm -rf "$work"' EXIT
for folder in "$source"/formats/model/builtin/*/; do
  model=$(basename "$folder")
  "$binary" encode "$source/scripts/sample/texts.jsonl" -m "$model" --max-length 100000 -q -o - \
    >"$work/$model.jsonl"
  "$python" "$here/builtin/compare.py" "$folder" "$source/scripts/sample/texts.jsonl" \
    "$work/$model.jsonl"
done
