#!/usr/bin/env bash
# Units that do not fit together are refused by name, and nothing is written; merge goes on after a
# death at any system call; file systems without locks do no harm.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"
SHIM=$(dirname "$BIN")/tests/libfault_shim.so

corpus 200 | awk '{print} NR % 50 == 7 {print "{broken " NR}' >in.jsonl
part() {
  local out=$1 which=$2
  shift 2
  "$BIN" encode -q -m "$MODEL" in.jsonl -o "$out" --part "$which" --unit 4K --max-length 32 "$@" 2>stderr
}
part job 1/1
cp -r job whole
run 0 merge whole
units=$(find job/.units -name '0*.json' ! -name '*rejects*' | wc -l)
[[ $units -gt 5 ]] || fail "only $units units"

# refused NAME TEXT…: merge of the job as it is now, which holds that fault.
refused() {
  local name=$1 before
  shift
  before=$(data job)
  run 1 merge job
  for text in "$@"; do has stderr "$text"; done
  equal "$(data job)" "$before" "files after $name"
  [[ ! -e job/manifest.json && ! -e job/report.json ]] || fail "$name: something was written"
  rm -rf job
  part job 1/1
}
# foreign ARGUMENT…: one unit's record and shard come from another command.
foreign() {
  rm -rf other
  part other 1/1 "$@"
  cp other/.units/000002.json job/.units/
  cp other/data/part-000002-* job/data/
}
rm job/.units/000003.json
run 6 merge job
equal "$(<stdout)" 3 "missing unit"
part job 1/1
rm job/data/part-000003-00000.parquet
refused "a missing shard" "part-000003-00000.parquet is missing"
truncate -s -1 job/data/part-000004-00000.parquet
refused "a cut shard" "part-000004-00000.parquet"
foreign --pooling cls
refused "another pooling" "000002.json" "pooling"
foreign --prompt "query: "
refused "another prompt" "000002.json" "prompt was"
foreign --unit 8K
refused "another unit size" "000002.json" "--unit"
if foreign --isa ssse3 2>/dev/null; then
  cp -r job mixed
  refused "another instruction set" "units 2" "--mixed-kernels"
  run 0 merge mixed --mixed-kernels
  run 0 verify mixed
  has mixed/manifest.json "SSSE3"
fi
MODEL_WAS=$MODEL
cp -r "$MODEL" model
python3 - <<'PY'
import re
path = 'model/model.safetensors'
data = bytearray(open(path, 'rb').read())
data[-1] ^= 1
open(path, 'wb').write(data)
PY
MODEL=$WORK/model foreign
MODEL=$MODEL_WAS
refused "another model" "000002.json" "model"
printf 'x' | dd of=job/.units/000001.json bs=1 seek=40 conv=notrunc status=none
refused "a damaged record" "000001.json" "checksum"
# A changed input is refused where it is read: with the time of a file go its bytes.
cp -p in.jsonl in.copy
touch in.jsonl
if part job 1/1 --units 1; then fail "a changed input was read"; fi
has stderr "input in.jsonl has another time"
rm -rf other
part other 1/1
cp other/.units/000002.json job/.units/
refused "a changed input" "unit 2: in.jsonl"
cp -p in.copy in.jsonl

# Another command does not join in.
for change in '--unit 8K' '--dims 8' '--shard-rows 10' '--prompt x' '--keep lang'; do
  # shellcheck disable=SC2086
  if part job 1/2 $change; then fail "$change was let in"; fi
  has stderr "units of another job"
done

[[ -e $SHIM ]] || skip "no preloadable library in this build"
LD_PRELOAD=$SHIM "$BIN" --version >/dev/null 2>&1 || skip "preloading does not go with a sanitizer"

# merge dies at its k-th system call, for every k: the same command goes on.
export FAULT_UNDER=$WORK/out
rm -rf job
part job 1/1
cp -rp job template
cp -r template out
LD_PRELOAD=$SHIM FAULT_AT=0 FAULT_COUNT=count "$BIN" merge -q out
calls=$(<count)
[[ $calls -gt 40 ]] || fail "the shim saw $calls calls only"
for ((k = 1; k <= calls; k++)); do
  rm -rf out
  cp -r template out
  LD_PRELOAD=$SHIM FAULT_AT=$k FAULT_MODE=kill "$BIN" merge -q out >/dev/null 2>&1 || true
  [[ ! -e out/manifest.json ]] || "$BIN" verify -q out || fail "call $k: a manifest that verify refuses"
  run 0 merge out
  [[ $(data out) == "$(data whole)" ]] || fail "call $k: another output"
done
echo "$calls deaths of merge"

# Tasks die as well.
rm -rf out
LD_PRELOAD=$SHIM FAULT_AT=0 FAULT_COUNT=count part out 1/1
calls=$(<count)
for ((k = 1; k <= calls; k += 3)); do
  rm -rf out
  LD_PRELOAD=$SHIM FAULT_AT=$k FAULT_MODE=kill part out 1/1 --threads 1 || true
  part out 1/1
  run 0 merge out
  [[ $(data out) == "$(data whole)" ]] || fail "call $k of a task: another output"
done
echo "$calls calls of a task"

# No locks (ENOLCK, ENOSYS, EOPNOTSUPP, the kernel's 524), or locks that are none: the same bytes.
for answer in 37 38 95 524 0; do
  rm -rf out plain
  for _ in 1 2; do LD_PRELOAD=$SHIM FAULT_UNDER=/ FAULT_FLOCK=$answer part out 1/1 & done
  wait
  run 0 merge out
  [[ $(data out) == "$(data whole)" ]] || fail "flock answers $answer: another output"
  LD_PRELOAD=$SHIM FAULT_FLOCK=$answer "$BIN" encode -m "$MODEL" in.jsonl -o plain --max-length 32 2>stderr ||
    fail "flock answers $answer: a plain run fails"
  [[ $answer == 0 ]] || has stderr "has no locks"
  run 0 verify plain
done
