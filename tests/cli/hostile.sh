#!/usr/bin/env bash
# Input that nobody meant: giant lines, bombs, nesting, garbage. Bounded memory, clear outcomes.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"
command -v zstd >/dev/null || skip "no zstd here"

# peak_below MIB: of the run before, by its own report, which has it from the system.
peak_below() {
  printf 'peak %s MB: %s\n' "$(json out/report.json 'd["memory_peak_mb"]')" "$2"
  check_json out/report.json "d['memory_peak_mb'] < $1"
}
rows() { json out/manifest.json 'd["rows"]'; }
# The sanitizers take several times the memory.
if sanitized; then peak_below() { :; }; fi

# One line of 100 MB, then a good one.
{ printf '{"text":"'; head -c 100000000 /dev/zero | tr '\0' x; printf '"}\n{"text":"good"}\n'; } >giant.jsonl
encode out giant.jsonl
has stderr "giant.jsonl:1: the line is longer than 33554432 bytes"
equal "$(rows)" 1
peak_below 250 'a line of 100 MB'
[[ $(stat -c %s out/rejects.jsonl) -lt 2000 ]] || fail "the offending bytes are not capped"
tr -d '\n' <giant.jsonl >giant.txt
run 3 encode -m "$MODEL" -o out giant.txt --overwrite
has stderr "0 of 1 records"
encode out giant.jsonl --overwrite --max-line 200M
equal "$(rows)" 2
printf '{"text":"12345678901234567890"}\n{"text":"x"}\n' >short.jsonl
encode out short.jsonl --overwrite --max-line 20
equal "$(rows)" 1
run 2 encode -m "$MODEL" -o x short.jsonl --max-line 20Q
rm giant.*

# An array of 100 MB on one line; an element of 100 MB; an array that never ends; 100 MB of UTF-16.
{ printf '['; for _ in $(seq 1000); do printf '{"x":"%0100000d"},' 0; done; printf '{"text":"good"}]'; } >array.json
encode out array.json --overwrite --max-rejects 100%
equal "$(rows)" 1
peak_below 250 'an array of 100 MB'
{ printf '[{"text":"'; head -c 100000000 /dev/zero | tr '\0' x; printf '"},\n{"text":"good"}]\n'; } >array.json
encode out array.json --overwrite
has stderr "array.json:1: the record is longer than 33554432 bytes"
equal "$(rows)" 1
peak_below 250 'an element of 100 MB'
{ printf '[{"text":"good"},'; head -c 60000000 /dev/zero | tr '\0' '['; } >array.json
encode out array.json --overwrite
peak_below 250 'sixty million brackets'
{ head -c 50000000 /dev/zero | tr '\0' x; printf '\ngood\n'; } | iconv -f UTF-8 -t UTF-16 >wide.txt
encode out wide.txt --overwrite
equal "$(rows)" 1
peak_below 250 'a line of 100 MB in UTF-16'
rm array.json wide.txt

# A gigabyte of zeros in a few kilobytes; a gigabyte of lines.
head -c 1073741824 /dev/zero | zstd -q >bomb.zst
[[ $(stat -c %s bomb.zst) -lt 100000 ]] || fail "no bomb"
printf '\n{"text":"good"}\n' | zstd -q >>bomb.zst
encode out bomb.zst --overwrite
equal "$(rows)" 1
peak_below 250 'a bomb of 1 GB'
rm bomb.zst

# Arrays in arrays, beyond the cap and below it; records that are not there.
python3 - <<'PY'
deep = lambda n: '{"text":"a","x":' + '[' * n + ']' * n + '}\n'
open('deep.jsonl', 'w').write(deep(10000) + deep(500) + '[' * 10000 + '\n' + '{"a":' * 10000 + '\n')
PY
encode out deep.jsonl --overwrite
equal "$(rows)" 1
equal "$(lines out/rejects.jsonl)" 3
has stderr "deep"
peak_below 100 '10 000 nested arrays'

# Bytes at random, as text and as JSONL: every line a counted reject or a row.
# The same each time: a first line of one digit, say, would be a header.
python3 -c 'import random, sys
random.seed(3)
sys.stdout.buffer.write(random.randbytes(1000000))' >noise
encode out noise --overwrite --format text --max-rejects 100%
check_json out/report.json "d['counts']['rows'] + d['counts']['rejected'] == $(tr '\r' x <noise | awk 'END {print NR}')"
peak_below 100 'noise as text'
run 3 encode -m "$MODEL" -o out noise --overwrite --format jsonl
has stderr "of the first 1000 records"
run 1 encode -m "$MODEL" -o out noise --overwrite --format csv --no-quotes
has stderr "the header is not UTF-8"
jsonl out/rejects.jsonl 'len(d)' >/dev/null || fail "rejects.jsonl is not JSON"

# Oddities of JSON: duplicate keys, lone surrogates, NaN vectors, ids twice.
cat >odd.jsonl <<'JSON'
{"id":"a","text":"one","text":"two"}
{"id":"b","text":"\ud800 lone"}
{"id":"c","v":[1,NaN,3]}
{"id":"d","v":[1e39,0]}
{"id":"e","text":"fine"}
{"id":"e","text":"again"}
{"id":"f","text":null}
{"id":"g","text":7}
JSON
encode out odd.jsonl --overwrite --vector-field v
equal "$(jsonl out/rejects.jsonl '[r["line"] for r in d]')" "[2, 3, 4, 7, 8]" "rejected lines"
check_json out/report.json "d['counts']['duplicate_ids'] == 1 and d['counts']['duplicate_ids_exact']"
has stderr "records with a duplicate id: 1"
encode out odd.jsonl --overwrite --duplicate-ids reject --vector-field v
equal "$(rows)" 2
has out/rejects.jsonl "duplicate id: an earlier record has it"
run 3 encode -m "$MODEL" -o out odd.jsonl --overwrite --on-error fail
has stderr "odd.jsonl:2"

# A hopeless run stops early; what was bad can be read.
corpus 5000 | awk 'NR % 10 == 3 {print "{broken"} {print}' >tenth.jsonl
run 3 encode -m "$MODEL" -o out tenth.jsonl --overwrite --max-rejects 20
has stderr "21 of the first"
run 3 encode -m "$MODEL" -o stopped tenth.jsonl --max-rejects 20
[[ $(lines stopped/rejects.jsonl) -ge 21 ]] || fail "the rejects of a stopped run are not there"
run 3 encode -m "$MODEL" -o out tenth.jsonl --overwrite --max-rejects 20 --rejects stopped.jsonl
[[ $(lines stopped.jsonl) -ge 21 ]] || fail "the rejects of a stopped run are not there"
run 3 encode -m "$MODEL" -o out tenth.jsonl --overwrite --max-rejects 5%
has stderr "--max-rejects"
encode out tenth.jsonl --overwrite --max-rejects 15%
run 2 encode -m "$MODEL" -o x tenth.jsonl --max-rejects 5x
run 2 encode -m "$MODEL" -o x tenth.jsonl --max-rejects 101%

# Links planted in the output are not followed, neither out of it nor into it.
echo precious >precious
for name in manifest.json journal.jsonl rejects.jsonl report.json data part-00000.parquet .embedtool-lock; do
  rm -rf linked && mkdir linked
  ln -s "$WORK/precious" "linked/$name"
  "$BIN" encode -q -m "$MODEL" -o linked short.jsonl --max-line 20 --overwrite >stdout 2>stderr || true
  equal "$(cat precious)" precious "what $name pointed to"
  rm -rf linked && mkdir linked
  "$BIN" encode -q -m "$MODEL" -o linked short.jsonl --max-line 20
  rm -rf "linked/${name:?}" && ln precious "linked/$name"
  "$BIN" encode -q -m "$MODEL" -o linked short.jsonl --max-line 20 --overwrite >stdout 2>stderr || true
  equal "$(cat precious)" precious "what $name was a second name of"
done
