#!/usr/bin/env bash
# Runs killed at random instants, over several corpora and thread counts. After every kill what can
# be seen is whole; in the end nothing is lost, doubled or different. EMBEDTOOL_TEST_KILLS=N sets
# how many kills must hit; EMBEDTOOL_TEST_SEED the instants.
kills=${EMBEDTOOL_TEST_KILLS:-24}
RANDOM=${EMBEDTOOL_TEST_SEED:-1}
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 12000 >plain.jsonl
corpus 9000 | awk '{print} NR % 31 == 7 {print "{broken " NR}' >bad.jsonl
python3 - <<'PY'
import json, zlib
rows = [json.loads(line) for line in open('plain.jsonl')]
csv = 'id,text,lang\n' + ''.join(f'{r["id"]},"{r["text"]}\n",{r["lang"]}\n' for r in rows[:8000])
with open('long.jsonl', 'w') as out:
    for i in range(0, 6000, 60):
        text = '. '.join(r['text'] for r in rows[i:i + 60])
        out.write(json.dumps({'id': f'd{i}', 'text': text}) + '\n')
pack = zlib.compressobj(6, zlib.DEFLATED, 31)
open('table.csv.gz', 'wb').write(pack.compress(csv.encode()) + pack.flush())
PY

# command CASE: the arguments of a case, in the array `arguments`, and what is piped in.
command_of() {
  input=/dev/null
  case $1 in
    plain) arguments=(plain.jsonl --shard-rows 700 --threads 2) ;;
    single) arguments=(plain.jsonl --shard-rows 1000 --threads 1 --window 300 --dtype f16) ;;
    bad) arguments=(bad.jsonl --shard-rows 500 --threads 3 --max-length 40 --on-long skip) ;;
    table) arguments=(table.csv.gz --shard-rows 400 --threads 2 --keep lang) ;;
    chunked) arguments=(long.jsonl --chunk-tokens 24 --chunk-overlap 25% --chunk-text --shard-rows 300 --window 90) ;;
    joined) arguments=(long.jsonl --chunk-tokens 24 --chunk-join mean --shard-rows 30 --window 90) ;;
    late) arguments=(long.jsonl --chunk-tokens 24 --chunk-pooling late --shard-rows 300 --window 20) ;;
    piped) arguments=(--shard-rows 600 --threads 2 -) input=bad.jsonl ;;
  esac
}
CASES=(plain single bad table chunked joined late piped)

# whole_so_far OUT REFERENCE: every file that a reader would take for data is final.
whole_so_far() {
  local part
  for part in "$1"/data/part-*; do
    [[ -e $part ]] || break
    same "$part" "$2/${part#"$1"/}" "a shard after a kill"
  done
  [[ ! -e $1/manifest.json ]] || "$BIN" verify -q "$1" || fail "$1: a manifest that verify refuses"
}

declare -A milliseconds # of an undisturbed run
for name in "${CASES[@]}"; do
  command_of "$name"
  started=${EPOCHREALTIME/./}
  "$BIN" encode -q -m "$MODEL" -o "whole-$name" "${arguments[@]}" < <(cat "$input") 2>stderr
  milliseconds[$name]=$(((${EPOCHREALTIME/./} - started) / 1000))
  run 0 verify "whole-$name"
done

hits=0 finished=0 n=0
while [[ $hits -lt $kills || $finished -lt ${#CASES[@]} ]]; do
  name=${CASES[n++ % ${#CASES[@]}]}
  command_of "$name"
  code=0
  # From before the first file to behind the last, however fast the machine and the build are.
  delay=$((RANDOM % (milliseconds[$name] * 3 / 2 + 50)))
  delay=$((delay / 1000)).$(printf '%03d' $((delay % 1000)))
  {
    timeout --foreground --preserve-status -s KILL "$delay" "$BIN" encode -q -m "$MODEL" -o "out-$name" "${arguments[@]}" \
      < <(cat "$input" 2>/dev/null || true) || code=$?
  } 2>stderr # where the shell says "Killed", too
  [[ -d out-$name ]] || continue
  whole_so_far "out-$name" "whole-$name"
  case $code in
    137) hits=$((hits + 1)) ;;
    0)
      for file in $(files "whole-$name"); do
        [[ $file == report.json || $file == manifest.json ]] || same "whole-$name/$file" "out-$name/$file"
      done
      diff <(files "whole-$name") <(files "out-$name") || fail "out-$name holds other files"
      run 0 verify "out-$name"
      equal "$(json "out-$name/manifest.json" '[d["rows"], d["inputs"][0]["xxh128"]]')" \
        "$(json "whole-$name/manifest.json" '[d["rows"], d["inputs"][0]["xxh128"]]')" "rows and input"
      rm -r "out-$name"
      finished=$((finished + 1))
      ;;
    *) fail "$name: exit status $code after $hits kills" ;;
  esac
done
printf '%s kills, %s outputs finished\n' "$hits" "$finished"
