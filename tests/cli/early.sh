#!/usr/bin/env bash
# What needs no weights reads none: "up to date", "in use" and "another run" are said before. The
# weights are mapped so that the first byte read of them is a fatal signal.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"
SHIM=$(dirname "$BIN")/tests/libfault_shim.so
[[ -e $SHIM ]] || skip "no preloadable library in this build"
LD_PRELOAD=$SHIM "$BIN" --version >/dev/null 2>&1 || skip "preloading does not go with a sanitizer"

# guarded CODE ARGUMENT…: run, with weights that cannot be read.
guarded() {
  local wanted=$1 got=0
  shift
  { env LD_PRELOAD="$SHIM" FAULT_GUARD=model.safetensors "$BIN" "$@" || got=$?; } >stdout 2>stderr
  [[ $got == "$wanted" ]] || fail "exit status $got instead of $wanted: embedtool $*"
}
fatal=139 # SIGSEGV
if sanitized; then fatal=66; fi # which ThreadSanitizer makes of it

# Files that are younger than the resolution of a file system's times are hashed.
cp -r "$MODEL" model
sleep 2.1
corpus 300 >in.jsonl
ARGUMENTS=(-m model in.jsonl --shard-rows 100)
guarded $fatal encode -o none "${ARGUMENTS[@]}"
run 0 encode -o out "${ARGUMENTS[@]}"

# A complete output.
guarded 0 encode -o out "${ARGUMENTS[@]}"
has stderr "up to date with 300 rows"
guarded 0 encode -o out "${ARGUMENTS[@]}" --report report.json
has stderr "--report report.json: not written, since nothing was encoded"
guarded 2 encode -o out "${ARGUMENTS[@]}" --dims 8
has stderr "dims was '36' and is now '8' (--dims); add --overwrite"
guarded 2 encode -o out "${ARGUMENTS[@]}" --pooling cls
has stderr "pooling was 'mean' and is now 'cls' (--pooling)"
guarded 2 encode -o out "${ARGUMENTS[@]}" --to npy
has stderr "--shard-rows is for --to parquet"
guarded 2 encode -o out -m model in.jsonl --to npy
has stderr "to was 'parquet' and is now 'npy' (--to)"
# How it is cut is no reason to write it again, and is mentioned.
guarded 0 encode -o out -m model in.jsonl --shard-rows 50
has stderr "up to date"
has stderr "shard_rows is 100 there, not 50"
# Nor is the folder that the model is in; a folder of its own has to be read.
cp -r model moved
guarded $fatal encode -o out -m moved in.jsonl --shard-rows 100
run 0 encode -o out -m moved in.jsonl --shard-rows 100
has stderr "up to date"
guarded $fatal encode -o out "${ARGUMENTS[@]}" --overwrite
run 0 verify out

# Files that changed are read; what counts is what is in them.
touch model/model.safetensors
guarded $fatal encode -o out "${ARGUMENTS[@]}"
run 0 encode -o out "${ARGUMENTS[@]}"
has stderr "up to date"
# The same size and the same time, other contents.
cp -p model/model.safetensors weights
printf 'x' | dd of=model/model.safetensors bs=1 seek=100000 conv=notrunc status=none
touch -r weights model/model.safetensors
run 2 encode -o out "${ARGUMENTS[@]}"
has stderr "model_fingerprint was '"
has stderr "--model: a different model, or its files have changed"
cp -p weights model/model.safetensors
# A file that comes or goes.
mv model/tokenizer_config.json aside
run 2 encode -o out "${ARGUMENTS[@]}"
has stderr "model_fingerprint was '"
mv aside model/tokenizer_config.json
run 0 encode -o out "${ARGUMENTS[@]}"
has stderr "up to date"

# An output that is being written, or was left unfinished.
sleep 2.1
mkfifo pipe
"$BIN" encode -m model -o busy --shard-rows 100 --window 100 - <pipe >/dev/null 2>first &
pid=$!
exec 7>pipe
head -n 250 in.jsonl >&7
while [[ ! -e busy/data/part-00001.parquet ]]; do sleep 0.05; done
guarded 5 encode -m model -o busy --shard-rows 100 - </dev/null
has stderr "another run is writing this output"
guarded 5 encode -m model -o busy --shard-rows 100 --overwrite - </dev/null
kill -TERM "$pid"
wait "$pid" || true
exec 7>&-
guarded 2 encode -m model -o busy --shard-rows 100 --dtype f16 - </dev/null
has stderr "dtype was 'f32' and is now 'f16' (--dtype); repeat that command"
guarded 2 encode -m model -o busy --shard-rows 50 - </dev/null
has stderr "shard_rows was '100' and is now '50' (--shard-rows)"
guarded $fatal encode -m model -o busy --shard-rows 100 - </dev/null

# A model whose weights turn out to be unusable leaves no directory, and no journal that the next run
# would stop at.
cp -r model broken
sed 's/"num_hidden_layers": 2/"num_hidden_layers": 3/' model/config.json >broken/config.json
run 4 encode -m broken -o fresh in.jsonl
[[ ! -e fresh ]] || fail "a directory was left"
