#!/usr/bin/env bash
# What becomes of a run that did not finish: the same command goes on, another is refused.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 3000 | awk '{print} NR % 50 == 7 {print "{broken " NR}' >in.jsonl
SETTINGS=(--shard-rows 200 --window 100 --max-length 32 --on-long skip --keep lang)
encode whole in.jsonl "${SETTINGS[@]}"

# feed FILE: into a pipe whose reader may go away early.
feed() { cat "$1" || true; }

# same_output OUT: as an undisturbed run's, but for what tells one run from another.
same_output() {
  local name
  run 0 verify "$1"
  diff <(files whole) <(files "$1") || fail "$1 holds other files"
  for name in $(files whole); do
    case $name in
      report.json) ;;
      manifest.json) # the report's size and hash stand there
        same <(grep -v -A2 report.json "whole/$name" | grep -v '"checksum"\|"bytes"\|"xxh128"') \
          <(grep -v -A2 report.json "$1/$name" | grep -v '"checksum"\|"bytes"\|"xxh128"') ;;
      *) same "whole/$name" "$1/$name" ;;
    esac
  done
}

# How far a run has come.
has_three_shards() { [[ -e $1/data/part-00002.parquet ]]; }
has_rows() { compgen -G "$1/.rows/*" >found && [[ $(stat -c %s "$(<found)") -gt 100000 ]]; }

# stop_in_part OUT ROWS READY ARGUMENT…: a run that ends after ROWS records of its input, by a signal to
# a producer that stops there, once `READY OUT` is true. Leaves what was complete.
stop_in_part() {
  local out=$1 rows=$2 ready=$3 code=0
  shift 3
  mkfifo "$out.pipe"
  "$BIN" encode -m "$MODEL" -o "$out" "$@" <"$out.pipe" >stdout 2>stderr &
  local pid=$!
  exec 7>"$out.pipe"
  head -n "$rows" in.jsonl >&7
  until "$ready" "$out"; do sleep 0.05; done
  kill -TERM "$pid"
  wait "$pid" || code=$?
  exec 7>&-
  rm "$out.pipe"
  equal "$code" 143 "exit status of a stopped run"
}

# Stopped by a signal: the shards are there, the manifest is not, the message says what to do.
stop_in_part out 2000 has_three_shards "${SETTINGS[@]}" -
has stderr "run the same command to resume"
[[ ! -e out/manifest.json && ! -e out/.embedtool-lock ]] || fail "a stopped run is no output"
run 1 verify out
has stderr "the run is unfinished; rerun the same command"
shards=$(find out -name 'part-*' | wc -l)
[[ $shards -ge 3 ]] || fail "complete shards were not published"

# Other commands are refused and the difference named; nothing is touched.
find out -type f ! -name rejects.jsonl -exec md5sum {} + | sort >before
run 2 encode -m "$MODEL" -o out "${SETTINGS[@]}" --dims 8 - < <(feed in.jsonl)
has stderr "dims"
run 2 encode -m "$MODEL" -o out --shard-rows 300 --window 100 --max-length 32 --on-long skip --keep lang - < <(feed in.jsonl)
has stderr "shard_rows was '200' and is now '300'"
run 2 encode -m "$MODEL" -o out "${SETTINGS[@]}" --prompt x - < <(feed in.jsonl)
has stderr "prompt was not set and is now 'x'"
run 2 encode -o out "${SETTINGS[@]}" - < <(feed in.jsonl)
has stderr "model_fingerprint"
run 2 encode -m "$MODEL" -o out "${SETTINGS[@]}" in.jsonl # not the pipe
has stderr "input"
sed '700s/"text": "/"text": "no longer /' in.jsonl >other
run 2 encode -m "$MODEL" -o out "${SETTINGS[@]}" - < <(feed other)
has stderr "<stdin>"
has stderr "has changed"
run 2 encode -m "$MODEL" -o out "${SETTINGS[@]}" - < <(head -n 100 in.jsonl || true)
has stderr "has changed"
find out -type f ! -name rejects.jsonl -exec md5sum {} + | sort >after
same before after "a refused run touches nothing"

# The same command goes on; batch size, window and threads may differ. stdin is passed over.
run 0 encode -m "$MODEL" -o out --shard-rows 200 --max-length 32 --on-long skip --keep lang \
  --window 37 --threads 1 --batch-size 3 - < <(feed in.jsonl)
has stderr "resuming after"
check_json out/report.json "d['resumed']['shards'] == $shards and d['resumed']['rows'] == 200 * $shards"
check_json out/report.json "d['counts']['rows'] == $(json whole/manifest.json 'd["rows"]') - 200 * $shards"
encode piped "${SETTINGS[@]}" - < <(feed in.jsonl)
for shard in piped/data/part-*; do same "$shard" "out/${shard#piped/}"; done
same piped/rejects.jsonl out/rejects.jsonl
run 0 verify out

# A run killed over and over, of a file: each goes on after the last. rejects.jsonl as well.
for delay in 0.05 0.1 0.1 0.15 0.2; do
  "$BIN" encode -m "$MODEL" -o killed in.jsonl "${SETTINGS[@]}" >stdout 2>stderr &
  pid=$!
  sleep "$delay"
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
done
encode killed in.jsonl "${SETTINGS[@]}"
same_output killed

# Complete: the same command has nothing to do, says so and is quick; changes are named.
cp killed/report.json report-before
encode killed in.jsonl "${SETTINGS[@]}"
has stderr "up to date"
same killed/report.json report-before
touch in.jsonl
encode killed in.jsonl "${SETTINGS[@]}"
has stderr "up to date"
run 0 encode -m "$MODEL" -o piped "${SETTINGS[@]}" - < <(feed in.jsonl)
has stderr "up to date"
sed '2s/"text": "\(.\)/"text": "\1z/; 3s/"text": "../"text": "/' in.jsonl | head -c "$(stat -c %s in.jsonl)" >changed
run 2 encode -m "$MODEL" -o killed changed "${SETTINGS[@]}"
has stderr "input"
cp in.jsonl keep.jsonl
printf 'x' | dd of=in.jsonl bs=1 seek=30 conv=notrunc status=none
run 2 encode -m "$MODEL" -o killed in.jsonl "${SETTINGS[@]}"
has stderr "the contents of input in.jsonl have changed"
cp keep.jsonl in.jsonl
echo '{"text": "one more"}' >>in.jsonl
run 2 encode -m "$MODEL" -o killed in.jsonl "${SETTINGS[@]}"
has stderr "input in.jsonl was '"
run 2 encode -m "$MODEL" -o killed in.jsonl "${SETTINGS[@]}" --dtype f16
has stderr "--overwrite"
run 0 verify killed
encode killed in.jsonl "${SETTINGS[@]}" --overwrite
run 0 verify killed
equal "$(json killed/manifest.json 'd["rows"]')" "$(($(json whole/manifest.json 'd["rows"]') + 1))" rows
cp keep.jsonl in.jsonl

# A death just after the manifest leaves a journal: the output is complete.
echo '{}' >whole/journal.jsonl
touch whole/.embedtool-tmp-1-x
encode whole in.jsonl "${SETTINGS[@]}"
has stderr "up to date"
[[ ! -e whole/journal.jsonl && ! -e whole/.embedtool-tmp-1-x ]] || fail "leftovers stay"

# Before the first shard is complete, what is encoded is kept as well, and the message says so.
stop_in_part early 900 has_rows --window 50 -
has stderr "encoded rows are kept; run the same command to resume"
encode early --window 50 - < <(feed in.jsonl)
check_json early/report.json 'd["counts"]["recovered"] > 100'
