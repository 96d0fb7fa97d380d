#!/usr/bin/env bash
# tune: measures, prints, and writes settings that --config takes and that change no f32 vector.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 300 >in.jsonl
run 0 tune in.jsonl -m "$MODEL" --budget 1s -o tune.toml
has stdout "precision, backend"
has stdout "f32 "
has stdout "batch"
has stdout "best: --compute"
has stderr "tune.toml: written"
has tune.toml "[encode]"
has tune.toml "model = \"$MODEL\""
# The settings are taken, and those in f32 change nothing.
run 0 encode --config tune.toml in.jsonl -o tuned
run 0 verify tuned
run 0 tune in.jsonl -m "$MODEL" --budget 300ms --compute f32 --gemm native -o f32.toml
lacks f32.toml "compute"
run 0 encode --config f32.toml in.jsonl -o by-file
encode plain in.jsonl
if ! grep -q '^gemm' f32.toml; then
  vectors plain >plain.jsonl
  vectors by-file >by-file.jsonl
  same plain.jsonl by-file.jsonl "settings of tune changed an f32 vector"
fi

# A precision that is not close enough is measured and not chosen; f32 is always among the choices.
run 0 tune in.jsonl -m "$MODEL" --budget 1s --compute bf16,int8 --min-cosine 1 --json
check_json stdout 'd["choice"]["compute"] == "f32"'
check_json stdout 'all(c["worst_cosine"] >= 0.99999 for c in d["races"][0]["candidates"] if c["compute"] == "f32")'
check_json stdout 'all(not c["may_win"] for c in d["races"][0]["candidates"] if c["compute"] != "f32")'
check_json stdout 'all(sum(c["chosen"] for c in r["candidates"]) == 1 for r in d["races"])'
check_json stdout 'all(c["tokens_per_second"] > 0 for r in d["races"] for c in r["candidates"])'
check_json stdout 'd["speedup"] >= 1'
check_json stdout '[r["race"] for r in d["races"]][0] == "precision" and d["races"][-1]["race"] == "batch"'
# int8 only where it is named.
run 0 tune in.jsonl -m "$MODEL" --budget 300ms --json
check_json stdout 'all(c["compute"] != "int8" for r in d["races"] for c in r["candidates"])'

# From a pipe, to standard output; a static model has no precision to choose.
run 0 tune -m builtin-fast --budget 300ms --threads 2 -o - <in.jsonl
has stdout "[encode]"
lacks stdout "compute"
has stderr "best: --compute f32"
# Ready ids need no tokenizer.
run 0 tokenize in.jsonl -m "$MODEL"
cp stdout ids.jsonl
run 0 tune ids.jsonl -m "$MODEL" --budget 200ms --texts 100 --json
check_json stdout 'd["texts"] == 100'

# Somebody's own settings stay; the program's are replaced.
echo 'threads = 1' >mine.toml
run 2 tune in.jsonl -m "$MODEL" --budget 200ms -o mine.toml
has stderr "mine.toml: already exists and was not written by tune"
equal "$(cat mine.toml)" "threads = 1"
run 0 tune in.jsonl -m "$MODEL" --budget 200ms -o tune.toml
run 1 tune in.jsonl -m "$MODEL" -o nowhere/tune.toml
run 2 tune in.jsonl -m "$MODEL" --compute f64
has stderr '"f64" is not one of'
run 2 tune in.jsonl -m "$MODEL" --budget soon
has stderr "not a time"
run 2 tune in.jsonl -m "$MODEL" --gemm mkl
run 2 tune in.jsonl -m "$MODEL" --min-cosine 2
: >empty.jsonl
run 1 tune empty.jsonl -m "$MODEL"
has stderr "no texts"
run 1 tune missing.jsonl -m "$MODEL"
run 4 tune in.jsonl -m nowhere

# A signal ends it, and leaves no file.
(exec "$BIN" tune in.jsonl -m "$MODEL" --budget 60s -o late.toml >/dev/null 2>&1) &
sleep 1
kill -TERM $!
code=0
wait $! || code=$?
equal "$code" 143 "status after SIGTERM"
[[ ! -e late.toml ]] || fail "an interrupted tune wrote settings"
