#!/usr/bin/env bash
# A run that is killed leaves the rows of the shard or unit that it was writing, and the run that
# goes on encodes the windows that were in flight again and nothing else. The bytes are the same.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

SHIM=$(dirname "$BIN")/tests/libfault_shim.so
[[ -e $SHIM ]] || skip "no preloadable library in this build"
LD_PRELOAD=$SHIM "$BIN" --version >/dev/null 2>&1 || skip "preloading does not go with a sanitizer"

ROWS=3000
corpus $ROWS | awk '{sub(/"text": "/, "&" NR " "); print}' >in.jsonl
# Without the manifest, which names the run that it is of.
data() { (cd "$1" && find . -type f ! -name report.json ! -name manifest.json -exec md5sum {} + | LC_ALL=C sort -k2); }
count() { json "$1/report.json" "d['counts']['$2']"; }
INPUT=in.jsonl
encode() { run 0 encode -m "$MODEL" "$INPUT" -o "$1" --window 50 --threads 1 "${@:2}"; }
# dies CALL ARGUMENT…: encodes to `out` until that system call on it.
dies() {
  local call=$1 code=0
  shift
  LD_PRELOAD=$SHIM FAULT_UNDER=$WORK/out FAULT_AT=$call FAULT_MODE=kill \
    "$BIN" encode -q -m "$MODEL" "$INPUT" -o out --window 50 --threads 1 "$@" 2>stderr || code=$?
  [[ $code == 137 ]] || fail "call $call: status $code, not that of a kill"
}
# calls ARGUMENT…: how many a whole run makes.
calls() {
  rm -rf out
  LD_PRELOAD=$SHIM FAULT_UNDER=$WORK/out FAULT_AT=0 FAULT_COUNT=count \
    "$BIN" encode -q -m "$MODEL" "$INPUT" -o out --window 50 --threads 1 "$@"
  cat count
}

# A plain run, with one shard and with several.
for rows in 100000 700; do
  encode whole --shard-rows $rows
  all=$(calls --shard-rows $rows)
  for percent in 30 55 75; do
    rm -rf out
    dies $((all * percent / 100)) --shard-rows $rows
    encode out --shard-rows $rows
    [[ $(data out) == "$(data whole)" ]] || fail "killed at $percent %: other bytes"
    [[ $(ls -A out) == "$(ls -A whole)" ]] || fail "killed at $percent %: files stay behind"
    recovered=$(count out recovered)
    equal $((recovered + $(count out encoded))) "$(count out rows)" "texts encoded and recovered"
    echo "shards of $rows, killed at $percent %: $recovered recovered of $(count out rows)"
    [[ $rows != 100000 || $percent != 75 || $recovered -gt 2000 ]] || fail "only $recovered rows survive a kill"
  done
  rm -rf whole
done

# What was lost is encoded again: the end of a journal, all from a flipped bit on, other settings.
encode whole
all=$(calls)
rm -rf out
dies $((all * 7 / 10))
cp -r out killed
for damage in cut flip settings; do
  rm -rf out
  cp -r killed out
  case $damage in
    cut) truncate -s -1 out/.rows/* ;;
    flip) printf 'x' | dd of="$(echo out/.rows/*)" bs=1 seek=200000 conv=notrunc status=none ;;
    settings) ;;
  esac
  if [[ $damage == settings ]]; then
    encode out --pooling cls
    equal "$(count out recovered)" 0 "rows of another pooling that were taken"
    [[ $(ls -A out) == "$(ls -A whole)" ]] || fail "rows of another run stay behind"
  else
    encode out
    [[ $(data out) == "$(data whole)" ]] || fail "$damage: other bytes"
    [[ $(count out recovered) -gt 100 && $(count out recovered) -lt $ROWS ]] || fail "$damage: $(count out recovered) recovered"
  fi
  echo "$damage: $(count out recovered) recovered"
done

# Kill after kill, it comes to an end.
rm -rf out
for percent in 10 20 30 40 50; do dies $((all * percent / 100)); done
encode out
[[ $(data out) == "$(data whole)" ]] || fail "five kills: other bytes"

# Of a job's parts, also by another part.
rm -rf whole out
encode whole --part 1/1 --unit 64K
run 0 merge whole
all=$(calls --part 1/1 --unit 64K)
for percent in 40 60 80; do
  rm -rf out
  dies $((all * percent / 100)) --part 1/1 --unit 64K
  left=$(find out/.rows -type f | wc -l)
  [[ $left -gt 0 ]] || fail "killed at $percent %: no rows are left"
  for part in 2/2 1/2; do encode out --part $part --unit 64K --report report.json; done
  recovered=$(json report.json "d['counts']['recovered']")
  [[ -d out/.rows ]] || fail "a part has removed the folder in which others keep rows"
  run 0 merge out
  [[ ! -e out/.rows ]] || fail "rows stay behind after merge"
  [[ $(data out) == "$(data whole)" ]] || fail "parts, killed at $percent %: other bytes"
  echo "parts, killed at $percent %: $recovered recovered by part 1"
done

# Chunks are texts like others.
python3 - <<'PY'
import json
rows = [json.loads(line) for line in open('in.jsonl')]
with open('long.jsonl', 'w') as out:
    for i in range(0, len(rows), 100):
        out.write(json.dumps({'id': f'd{i}', 'text': '. '.join(r['text'] for r in rows[i:i + 100])}) + '\n')
PY
INPUT=long.jsonl
CHUNKS=(--chunk-tokens 24 --chunk-overlap 4 --chunk-text)
for rest in "--shard-rows 100000" "--shard-rows 700" "--part 1/1 --unit 64K"; do
  rm -rf whole
  read -ra more <<<"$rest"
  encode whole "${CHUNKS[@]}" "${more[@]}"
  [[ $rest != --part* ]] || run 0 merge whole
  all=$(calls "${CHUNKS[@]}" "${more[@]}")
  for percent in 40 70; do
    rm -rf out
    dies $((all * percent / 100)) "${CHUNKS[@]}" "${more[@]}"
    encode out "${CHUNKS[@]}" "${more[@]}" --report report.json
    [[ $rest != --part* ]] || run 0 merge out
    [[ $(data out) == "$(data whole)" ]] || fail "chunks, $rest, killed at $percent %: other bytes"
    recovered=$(json report.json "d['counts']['recovered']")
    echo "chunks, $rest, killed at $percent %: $recovered recovered"
    [[ $rest == *700 || $recovered -gt 100 ]] || fail "no chunks survive a kill"
  done
done
