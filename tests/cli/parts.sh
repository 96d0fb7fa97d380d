#!/usr/bin/env bash
# Parts of a job: whatever their number, their order and what was repeated, merge makes the same
# output of them, whose rows are a plain run's.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 900 | awk '{print} NR % 50 == 7 {print "{broken " NR} NR % 90 == 3 {print ""}' >a.jsonl
corpus 150 | sed 's/"r/"s/' | gzip >b.jsonl.gz
mkdir many
for i in 1 2 3 4 5; do corpus 12 | sed "s/\"r/\"m$i-/" >"many/$i.jsonl"; done
INPUTS=(a.jsonl b.jsonl.gz many)
SETTINGS=(--unit 4K --shard-rows 64 --max-length 32 --on-long skip --keep lang --window 50 -q)
# part OUT PART ARGUMENT…
part() {
  local out=$1 which=$2
  shift 2
  run 0 encode -m "$MODEL" "${INPUTS[@]}" -o "$out" --part "$which" "${SETTINGS[@]}" "$@"
}

run 0 encode -m "$MODEL" "${INPUTS[@]}" -o whole --max-length 32 --on-long skip --keep lang -q
vectors whole >whole.rows
for n in 1 2 3 7 64; do
  for k in $(seq "$n" | shuf --random-source="$BIN"); do part "out$n" "$k/$n"; done
  [[ ! -e out$n/manifest.json ]] || fail "a manifest before merge"
  run 0 merge "out$n"
  run 0 verify "out$n"
  vectors "out$n" | cmp -s - whole.rows || fail "$n parts: other rows than a plain run's"
  same whole/rejects.jsonl "out$n/rejects.jsonl" "rejects, with line numbers of whole files"
  diff <(data out1) <(data "out$n") >difference || fail "$n parts: another output: $(head -3 difference)"
  [[ ! -e out$n/.units ]] || fail "records stay after merge"
done
[[ $(find out1/data -type f | wc -l) -gt 20 ]] || fail "hardly any unit"
run 0 search out1 "a river of stone" -k 3
run 0 info out1
run 0 merge out1
has stderr "merged already"
run 0 encode -m "$MODEL" "${INPUTS[@]}" -o out1 --part 1/2 "${SETTINGS[@]}"
run 2 encode -m "$MODEL" "${INPUTS[@]}" -o out1 --part 1/2 "${SETTINGS[@]}" --dims 8
has stderr "dims"

# What is missing is named, and shared out again.
part out 2/4
run 6 merge out
missing=$(<stdout)
has stderr "out lacks 26 units of 34; encode what is missing with --units"
run 6 merge out --missing
equal "$(<stdout)" "$missing" "missing units"
run 0 info out
has stdout "missing"
[[ ! -e out/manifest.json ]] || fail "an incomplete output was published"
printf '%s\n' "$missing" >list
for k in 3 1 2; do part out "$k/3" --units @list; done
part out 1/1 # nothing is left, which is no error
run 0 merge out --missing
run 2 encode -m "$MODEL" "${INPUTS[@]}" -o out # a plain run does not take the directory
has stderr "embedtool merge out"
run 0 merge out
diff <(data out1) <(data out) || fail "units that were shared out twice make another output"

# The same units at once, and processes that are killed: the same bytes.
for k in 1 1 2 2; do "$BIN" encode -m "$MODEL" "${INPUTS[@]}" -o twice --part "$k/2" "${SETTINGS[@]}" & done
wait
for _ in 1 2 3 4 5 6; do
  "$BIN" encode -m "$MODEL" "${INPUTS[@]}" -o killed --part 1/1 "${SETTINGS[@]}" --threads 1 2>/dev/null &
  sleep 0.1
  kill -KILL $! 2>/dev/null || true
  wait $! 2>/dev/null || true
done
part killed 1/1
for out in twice killed; do
  run 0 merge $out
  diff <(data out1) <(data $out) || fail "$out: another output"
done

# From several directories, by link, copy and move.
for how in '' --link --copy --move; do
  rm -rf node1 node2 node3 joined
  for k in 1 2 3; do part "node$k" "$k/3"; done
  [[ -z $how ]] || run 6 merge joined node1 node3 $how
  # shellcheck disable=SC2086
  run 0 merge joined node1 node2 node3 $how
  diff <(data out1) <(data joined) || fail "merge $how: another output"
done

# What parts cannot do is said before anything is written.
run 2 encode -m "$MODEL" - -o no --part 1/2 <a.jsonl
has stderr "write it to a file"
awk '{print "text " $0}' a.jsonl >lines.txt
run 2 encode -m "$MODEL" lines.txt -o no --part 1/2 --format text --unit 4K
has stderr "--id-from offset"
run 2 encode -m "$MODEL" a.jsonl -o no --part 3/2
run 2 encode -m "$MODEL" a.jsonl -o no --part 1/2 --overwrite
run 2 encode -m "$MODEL" a.jsonl -o no --part 1/2 --to npy
run 2 encode -m "$MODEL" a.jsonl -o no --part 1/2 --duplicate-ids reject
run 2 encode -m "$MODEL" a.jsonl -o no --part 1/2 --unit 5000
run 2 encode -m "$MODEL" a.jsonl -o no --unit 4K
run 2 encode -m "$MODEL" a.jsonl -o no --units 5-3
run 2 encode -m "$MODEL" a.jsonl -o no --units 100000
[[ ! -e no ]] || fail "a refused part wrote something"
run 2 merge many
run 0 encode -m "$MODEL" lines.txt -o byte --part 1/1 --format text --id-from offset -q --unit 4K
run 0 merge byte
run 0 encode -m "$MODEL" lines.txt -o byte-whole --format text --id-from offset -q
vectors byte | cmp -s - <(vectors byte-whole) || fail "ids from offsets differ"
# Rows of columns are called by their number in the file.
python3 - "$SOURCE/tests/unit/data/columns/plain-v1.parquet" <<'PY'
import sys
open('noid.parquet', 'wb').write(open(sys.argv[1], 'rb').read().replace(b'\x02id', b'\x02ix'))
PY
run 0 encode -m "$MODEL" noid.parquet -o row-whole --id-from offset -q
run 2 encode -m "$MODEL" noid.parquet -o no --part 1/1 -q
has stderr "--id-from offset"
for k in 1 2 3; do run 0 encode -m "$MODEL" noid.parquet -o row --part $k/3 --id-from offset -q --unit 1K; done
run 0 merge row
vectors row | cmp -s - <(vectors row-whole) || fail "ids from row numbers differ"
[[ $(vectors row | head -n 1) == *noid.parquet@0* ]] || fail "ids from row numbers"
rm -rf no

# Nothing but bad records: no output.
printf '{bad\n%.0s' 1 2 3 >bad.jsonl
run 0 encode -m "$MODEL" bad.jsonl -o bad --part 1/1 -q
run 3 merge bad
has stderr "0 of 3 records"
[[ ! -e bad/manifest.json ]] || fail "an output without a good record"
: >empty.jsonl
run 0 encode -m "$MODEL" empty.jsonl -o empty --part 1/1 -q
run 0 merge empty
run 0 verify empty

# A file that cannot be cut keeps one process busy: that is said.
run 0 encode -m "$MODEL" b.jsonl.gz -o gz --part 1/8 --unit 1K
has stderr "is compressed"
has stderr "zstd -dc"
