#!/usr/bin/env bash
# From a fresh clone to a folder of vectors that is ready to index: installs missing packages, builds,
# encodes the sample corpus with the built-in model, and inspects the result.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[[ -t 1 && -z ${NO_COLOR:-} ]] || step() { printf '\n%s\n' "$*"; }
# Shows a command, then runs it.
show() {
  local word
  printf '$'
  for word in "$@"; do
    if [[ $word =~ ^[A-Za-z0-9_./,-]+$ ]]; then printf ' %s' "$word"; else printf ' %s' "${word@Q}"; fi
  done
  printf '\n'
  "$@"
}

step "1. Packages"
scripts/setup.sh
step "2. Build (the first time: about 4 minutes on two otherwise idle cores)"
scripts/build.sh release embedtool

PATH=$PWD/build/release:$PATH
out=build/quickstart
step "3. Encode 472 texts in 12 languages"
show embedtool encode scripts/sample/texts.jsonl -o "$out" --keep lang,text --overwrite
step "4. Inspect the result"
show embedtool info "$out"
show embedtool verify "$out"
step "5. Search it"
show embedtool search "$out" "nobody may be held as a slave" -k 5

step "Done."
cat <<TEXT
The vectors are in $out/data, for DuckDB, Spark, pandas, polars and others.
Next, encode your own corpus:  build/release/embedtool encode corpus.jsonl -o out
Help:  build/release/embedtool --help, or man -l man/embedtool.1
TEXT
