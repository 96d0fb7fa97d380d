#!/usr/bin/env bash
# Parquet and Arrow as corpora, end to end: by file and by pipe, resumed and up to date, refused by
# name; our own shards read back. The files were written by pyarrow (tests/unit/data/columns).
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

DATA=$SOURCE/tests/unit/data/columns
rows() { "$BIN" encode "$@" -m "$MODEL" --keep n,meta.title -o - -q; }
rows "$DATA/rows.jsonl" >expected
equal "$(lines expected)" 25 rows

# Files, standard input that is a file, several at once; formats are told by content.
cp "$DATA/zstd.parquet" no-ending
for input in "$DATA/snappy.parquet" "$DATA/lz4.arrow" "$DATA/plain.arrows" no-ending; do
  rows "$input" >found
  same expected found "$input"
done
rows - <"$DATA/gzip.parquet" >found
same expected found "standard input"
rows "$DATA/plain-v1.parquet" "$DATA/rows.jsonl" >found
equal "$(lines found)" 50 "rows of both"

# Arrow comes through a pipe and compressed as a whole; Parquet says why it cannot.
# shellcheck disable=SC2002
cat "$DATA/plain.arrows" | rows - >found
same expected found "stream"
# shellcheck disable=SC2002
cat "$DATA/layouts.arrows" | gzip | rows - >found
same expected found "compressed stream"
# shellcheck disable=SC2002
cat "$DATA/plain.arrow" | rows - >found
same expected found "file through a pipe"
"$BIN" encode - -m "$MODEL" -o - 2>stderr < <(cat "$DATA/snappy.parquet") && fail "read from a pipe"
has stderr "<stdin>: is a pipe, but Parquet keeps its index at the end of the file"
gzip -c "$DATA/snappy.parquet" >packed.parquet.gz
run 1 encode packed.parquet.gz -m "$MODEL" -o out
has stderr "packed.parquet.gz: is Parquet inside a compressed file"

# What is missing or of another type is said before any work.
run 2 encode "$DATA/snappy.parquet" -m "$MODEL" --text-field body -o out
has stderr "no column 'body' among its columns ('id', 'n', 'text', 'lang', "
run 2 encode "$DATA/snappy.parquet" -m "$MODEL" --text-field n -o out
has stderr "column 'n' is of type INT64; a text is a string or a list of strings"
run 1 encode "$DATA/snappy.parquet" -m "$MODEL" --format jsonl -o out
has stderr "is parquet, not jsonl as --format says"
head -c 2000 "$DATA/snappy.parquet" >cut.parquet
run 1 encode cut.parquet -m "$MODEL" -o out
has stderr "cut.parquet: not a Parquet file, or one that is cut short"
[[ ! -e out ]] || fail "out was made"

# Finished, it is up to date; changed, it is not.
cp "$DATA/snappy.parquet" corpus.parquet
run 0 encode corpus.parquet -m "$MODEL" -o out
touch corpus.parquet
run 0 encode corpus.parquet -m "$MODEL" -o out
has stderr "up to date"
cp "$DATA/zstd.parquet" corpus.parquet
run 2 encode corpus.parquet -m "$MODEL" -o out

# Our own shards are a corpus of ready vectors.
for dtype in f32 f16 int8; do
  run 0 encode "$DATA/rows.jsonl" -m "$MODEL" -o "own-$dtype" --dtype "$dtype" -q
  for file in "own-$dtype"/data/*; do
    "$BIN" encode "$file" --vector-field embedding -m "$MODEL" -o - -q >"again-$dtype"
  done
  run 0 export "own-$dtype" --to jsonl -o "exported-$dtype"
done
same exported-f32 again-f32
python3 - <<'PY'
import json
for dtype, most in (('f16', 0.001), ('int8', 0.01)):
    # f16 and int8 are read back as the numbers that they stand for.
    exact = [json.loads(line) for line in open('exported-f32')]
    again = [json.loads(line) for line in open('again-' + dtype)]
    assert [r['id'] for r in exact] == [r['id'] for r in again]
    for a, b in zip(exact, again):
        assert all(abs(x - y) < most for x, y in zip(a['embedding'], b['embedding'])), dtype
PY
