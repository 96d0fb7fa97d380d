#!/usr/bin/env bash
# A text's vector depends on the text alone: bit-identical whatever the batch size, the threads, the
# window, the order of the input, and where it comes from.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 700 >in.jsonl
python3 - <<'PY'
import random
lines = open('in.jsonl').readlines()
random.Random(3).shuffle(lines)
open('shuffled.jsonl', 'w').writelines(lines)
PY

for model in "${MODEL:?}" builtin; do
  run 0 encode -m "$model" -o base --to jsonl --overwrite in.jsonl
  cp base/embeddings.jsonl base.jsonl
  sort base.jsonl >sorted
  for batch in 1 7 64 128; do
    for threads in 1 2; do
      settings=(-m "$model" --to jsonl -o - --batch-size "$batch" --threads "$threads")
      run 0 encode "${settings[@]}" in.jsonl
      same stdout base.jsonl "batch $batch, $threads threads, $model"
      run 0 encode "${settings[@]}" --window 50 - <in.jsonl
      same stdout base.jsonl "batch $batch, $threads threads, small window, stdin, $model"
      run 0 encode "${settings[@]}" shuffled.jsonl
      sort stdout >shuffled-sorted
      same shuffled-sorted sorted "batch $batch, $threads threads, shuffled, $model"
    done
  done
  run 0 encode -m "$model" --to jsonl -o - --batch-tokens 40 --window 1 in.jsonl
  same stdout base.jsonl "few tokens a batch, window of one, $model"
  # Every text alone.
  head -n 12 in.jsonl | while read -r line; do
    "$BIN" encode -m "$model" --to jsonl -o - - <<<"$line" 2>stderr
  done >alone
  head -n 12 base.jsonl >together
  same alone together "texts alone, $model"
done
