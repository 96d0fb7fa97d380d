#!/usr/bin/env bash
# What a run comes to: no output without a row, an early end for a hopeless input, a word on empty
# inputs, and no path that is empty.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

printf '{"id":"a","body":"x"}\n{"id":"b","body":"y"}\n' >typo.jsonl
printf '{"id":"a","text":"word 1"}\n' >good.jsonl
none="0 of 2 records could be used"

# Every record is bad: status 3 in every format, said under -q, and no manifest.
for format in parquet npy jsonl; do
  run 3 encode -q -m "$MODEL" -o "new-$format" --to "$format" typo.jsonl
  has stderr "$none"
  has stderr "no field 'text'; the record has 'id', 'body' (--text-field)"
  equal "$(lines stderr)" 1 "lines under -q"
  [[ ! -e new-$format/manifest.json ]] || fail "a run without rows published a manifest"
  [[ -z $(find "new-$format" -name 'embeddings*' -o -name '*.parquet') ]] || fail "data without rows"
  equal "$(lines "new-$format/rejects.jsonl")" 2 "rejects written down"
done
run 3 encode -q -m "$MODEL" -o - typo.jsonl
has stderr "$none"
equal "$(lines stdout)" 0 "lines on standard output"
run 3 encode -m "$MODEL" -o regardless --max-rejects 100% typo.jsonl
has stderr "$none"
run 3 tokenize -m "$MODEL" typo.jsonl
has stderr "$none"
# What the message advises works, over what the failed run left.
encode new-parquet typo.jsonl --text-field body
equal "$(json new-parquet/manifest.json 'd["rows"]')" 2

# A text too long for --on-long skip is a record that was not used.
python3 -c 'print("word " * 2000)' >long.txt
run 3 encode -m "$MODEL" -o long --on-long skip long.txt
has stderr "0 of 1 records"

# The output that was to be replaced stays, whole, until there is a row.
encode live good.jsonl typo.jsonl
cp -r live before
for extra in --to=parquet --to=npy --to=jsonl --max-rejects=100%; do
  run 3 encode -q -m "$MODEL" -o live --overwrite "$extra" typo.jsonl
  diff -r before live || fail "a run without rows touched the output ($extra)"
done
run 0 verify live
run 3 encode -m "$MODEL" -o live --overwrite typo.jsonl
has stderr "the existing output is untouched; use --rejects FILE to keep"
run 3 encode -q -m "$MODEL" -o live --overwrite typo.jsonl --rejects elsewhere.jsonl
equal "$(lines elsewhere.jsonl)" 2 "lines of --rejects"
# 5000 bad records: more than any window holds.
for i in $(seq 5000); do echo "{\"id\":\"$i\"}"; done >bad5000.jsonl
run 3 encode -q -m "$MODEL" -o live --overwrite --max-rejects 100% bad5000.jsonl
has stderr "0 of 5000 records"
diff -r before live || fail "many rejects touched the output"
# With a row at the end it is replaced, rejects and all.
encode live --overwrite --max-rejects 100% bad5000.jsonl good.jsonl
run 0 verify live
equal "$(json live/manifest.json 'd["rows"]')" 1
equal "$(lines live/rejects.jsonl)" 5000
[[ -z $(find live -name '.embedtool*') ]] || fail "scratch files are left: $(ls -A live)"

# An input without records is no failure.
: >empty.jsonl
encode nothing empty.jsonl
has stderr "the corpus is empty"
lacks stderr "is empty ("
run 0 verify nothing

# A hopeless run stops at the thousandth record; the default can be spelt out, and switched off.
cat good.jsonl bad5000.jsonl good.jsonl >hopeless.jsonl
for limit in '' --max-rejects=99%; do
  run 3 encode -q -m "$MODEL" -o hopeless --overwrite $limit hopeless.jsonl
  has stderr "999 of the first 1000 records"
  has stderr "--max-rejects 99%"
  has stderr "no field 'text'"
done
encode hopeless --overwrite --max-rejects 100% hopeless.jsonl
equal "$(json hopeless/manifest.json 'd["rows"]')" 2
# A corpus that is merely untidy passes: 60 of 5060 are good.
{ head -n 500 bad5000.jsonl; for i in $(seq 60); do echo '{"text":"good"}'; done; tail -n +501 bad5000.jsonl; } >untidy.jsonl
encode untidy untidy.jsonl
equal "$(json untidy/manifest.json 'd["rows"]')" 60
run 2 encode -m "$MODEL" -o x --max-rejects '' good.jsonl

# An empty input among others is named.
: >empty.jsonl.gz
gzip -c </dev/null >hollow.jsonl.gz
encode several good.jsonl empty.jsonl.gz good.jsonl hollow.jsonl.gz
has stderr "empty.jsonl.gz: is empty (0 bytes)"
has stderr "hollow.jsonl.gz: is empty (nothing after decompression)"
lacks stderr "good.jsonl: is empty"
encode piped good.jsonl - <empty.jsonl
has stderr "<stdin>: is empty"

# A path that is empty, as an unset variable makes it.
for option in -o --output --rejects --report --metrics-file --trace; do
  run 2 encode -q -m "$MODEL" -o out "$option" "" good.jsonl
  has stderr "the name is empty"
  equal "$(lines stdout)" 0 "lines on standard output"
done
run 2 export several --to npy -o ""
has stderr "the name is empty"
[[ ! -e out ]] || fail "an output was made"
