#!/usr/bin/env bash
# Token ids of `embedtool tokenize` against implementations that others wrote: the Rust library of
# Hugging Face (npm @anush008/tokenizers binds it), the JavaScript one of transformers.js (npm
# @huggingface/tokenizers) and sentencepiece's Python module, over every corpus of the shared data.
# All ids must be equal. Arguments: the embedtool binary, and optionally the parts to run. The first
# of every 250 texts of a corpus is compared, and a few thousand random ones; with EMBEDTOOL_EXHAUSTIVE=1
# every text and 100,000 random ones for every tokenizer, which takes an hour.
set -euo pipefail
binary=$(realpath "$1")
shift
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(made random corpora vocab sentencepiece)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
shared=${EMBEDTOOL_SHARED:-$here/../../../shared}
data=$shared/data

skip() { echo "skipped: $1"; exit 77; }
command -v node >/dev/null || skip "node is not installed"
command -v npm >/dev/null || skip "npm is not installed"
command -v zstd >/dev/null || skip "zstd is not installed"
[ -d "$data/corpora" ] || skip "no shared data at $data"

work=$(dirname "$binary")/interop/tokenizers
mkdir -p "$work/texts" "$work/made"
cp "$here"/tokenizers/*.mjs "$here/tokenizers/package.json" "$work/"
(cd "$work" && npm install --silent --no-audit --no-fund --no-package-lock >npm.log 2>&1) ||
  skip "npm cannot install the other tokenizers: $(tail -1 "$work/npm.log")"

failures=0
check() {  # check IMPLEMENTATION TOKENIZER TEXTS [TOKENIZER FOR US]
  local ours=$work/ours-$BASHPID.jsonl
  "$binary" tokenize "$3" --text-field text -m "${4:-$2}" --max-length 0 -q >"$ours"
  node "$work/compare.mjs" check "$1" "$2" "$3" "$ours" || failures=$((failures + 1))
  rm -f "$ours"
}

# Every corpus gives its first text at least. A change of the share makes the texts anew.
unpack_corpora() {
  local file name every=250
  [ -z "${EMBEDTOOL_EXHAUSTIVE:-}" ] || every=1
  [ "$(cat "$work/every" 2>/dev/null)" = $every ] || rm -f "$work"/texts/*
  echo $every >"$work/every"
  for file in "$data"/corpora/*.jsonl "$data"/corpora/*.jsonl.zst; do
    name=$(basename "${file%.zst}")
    [ "$name" = bench_mixed.jsonl ] && continue  # a mix of the others
    [ -s "$work/texts/$name" ] && continue
    case $file in
      *.zst) zstd -dcq "$file" ;;
      *) cat "$file" ;;
    esac | awk -v every=$every 'NR % every == 1 % every' >"$work/texts/$name"
  done
  # Most of the time would go into loading tokenizers: all texts at once.
  cat "$work"/texts/*.jsonl >"$work/all.jsonl"
}

run_made() {  # every code point under every switch, and every component
  local tokenizer
  for tokenizer in "$work"/made/letters-*.json; do
    check rust "$tokenizer" "$work/made/every-code-point.jsonl"
  done
  for tokenizer in "$work"/made/variant-*.json; do
    check rust "$tokenizer" "$work/made/random-few.jsonl"
  done
  for tokenizer in "$work"/made/part-*.json; do
    check rust "$tokenizer" "$work/made/every-role.jsonl"
    check rust "$tokenizer" "$work/made/random-few.jsonl"
  done
  for tokenizer in "$work"/made/metaspace-*.json; do
    check rust "$tokenizer" "$work/made/random-few.jsonl"
  done
}

run_random() {  # random Unicode, every tokenizer
  local tokenizer
  for tokenizer in "${tokenizers[@]}"; do
    check rust "$tokenizer" "$work/made/random.jsonl"
    check js "$tokenizer" "$work/made/random.jsonl"
  done
}

run_corpora() {
  local tokenizer
  for tokenizer in "${tokenizers[@]}"; do
    check rust "$tokenizer" "$work/all.jsonl"
    check js "$tokenizer" "$work/all.jsonl"
  done
}

run_vocab() {  # a vocab.txt alone, against a tokenizer.json made of it
  local name made
  while read -r name lowercase; do
    made=$work/made/$name.json
    node "$work/compare.mjs" vocab "$data/tokenizers/$name/vocab.txt" "$lowercase" "$made"
    check rust "$made" "$work/all.jsonl" "$data/tokenizers/$name/vocab.txt"
  done <<'LIST'
bert-base-uncased true
bert-base-cased false
bert-base-multilingual-cased false
bert-base-chinese false
LIST
}

run_sentencepiece() {
  local python=/usr/bin/python3 model ours=$work/ours-pieces.jsonl
  "$python" -c 'import sentencepiece' 2>/dev/null || {
    echo "not run: sentencepiece's Python module is not installed"
    return 0
  }
  for model in "$data"/tokenizers/*/*.model; do
    "$binary" tokenize "$work/all.jsonl" --text-field text -m "$model" --max-length 0 -q >"$ours"
    "$python" "$here/tokenizers/compare_sentencepiece.py" "$model" "$work/all.jsonl" "$ours" ||
      failures=$((failures + 1))
  done
  rm -f "$ours"
}

# The static models' configuration says to add no special tokens; here the file speaks for itself.
for file in "$data"/weights/*/tokenizer.json; do
  [ -f "$file" ] && cp "$file" "$work/made/$(basename "$(dirname "$file")").json"
done
mkdir -p "$work/xlm-roberta"
zstd -dcq "$data"/tokenizers/xlm-roberta/*.tokenizer.json.zst >"$work/xlm-roberta/tokenizer.json"
tokenizers=("$work/xlm-roberta/tokenizer.json" "$work"/made/model2vec-*.json)
for file in "$data"/tokenizers/*/tokenizer*.json; do
  grep -q '"model"' "$file" && tokenizers+=("$file")
done
if [ -n "${EMBEDTOOL_EXHAUSTIVE:-}" ]; then count=100000 step=1; else count=3000 step=16; fi
node "$work/compare.mjs" make "$work/made" "$data/tokenizers/bert-base-uncased/tokenizer.json" \
  $count $step "$data/tokenizers/t5-small/tokenizer.json"
unpack_corpora
for part in "${parts[@]}"; do "run_$part"; done
echo "$failures comparisons failed"
[ "$failures" -eq 0 ]
