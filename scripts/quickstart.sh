#!/usr/bin/env bash
# From a fresh clone to an index-ready folder of vectors: installs what is missing, builds, encodes
# the sample corpus with the built-in model, and looks at the result.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[[ -t 1 && -z ${NO_COLOR:-} ]] || step() { printf '\n%s\n' "$*"; }
# Shows a command, then runs it.
show() {
  printf '$'
  printf ' %s' "${@@Q}"
  printf '\n'
  "$@"
}

step "1. Packages"
scripts/setup.sh
step "2. Build"
scripts/build.sh release embedtool

PATH=$PWD/build/release:$PATH
out=build/quickstart
step "3. Encode 472 texts in 12 languages"
show embedtool encode scripts/sample/texts.jsonl -o "$out" --keep lang,text --overwrite
step "4. What came out"
show embedtool info "$out"
show embedtool verify "$out"
step "5. Look for something"
show embedtool search "$out" "nobody may be held as a slave" -k 5

step "Done."
cat <<TEXT
The vectors are in $out: Parquet that DuckDB, Spark, pandas and polars read as it is.
Next: your own corpus,  build/release/embedtool encode corpus.jsonl -o out
Help: build/release/embedtool --help, or man -l man/embedtool.1
TEXT
