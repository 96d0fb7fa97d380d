#!/usr/bin/env bash
# Every night: rows are copied from an earlier output, and nothing shows that they were.
# EMBEDTOOL_TEST_EDITS=N sets how many random edit scripts are tried, EMBEDTOOL_TEST_SEED the first.
edits=${EMBEDTOOL_TEST_EDITS:-8}
seed=${EMBEDTOOL_TEST_SEED:-1}
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

m3=$SOURCE/tests/golden/heads/bge_m3/model
hashes() { find "$1" -type f -exec md5sum {} + | sort; }
# count OUT NAME: a figure of the report.
count() { json "$1/report.json" "d['counts']['$2']"; }

# same_data A B: all data of two outputs are the same bytes.
same_data() {
  local file
  diff <(cd "$1" && find . -type f | sort) <(cd "$2" && find . -type f | sort) || fail "$2 holds other files than $1"
  while IFS= read -r file; do
    case $file in
      ./report.json) ;;
      ./manifest.json) same <(grep -v -A2 report.json "$1/$file" | grep -v '"checksum"\|"bytes"\|"xxh128"') \
        <(grep -v -A2 report.json "$2/$file" | grep -v '"checksum"\|"bytes"\|"xxh128"') ;;
      *) same "$1/$file" "$2/$file" ;;
    esac
  done < <(cd "$1" && find . -type f)
}

# Random edit scripts, over row kinds, element types, shards and windows.
KINDS=("-m $MODEL" "-m $MODEL --dtype f16" "-m $MODEL --dtype int8" "-m $MODEL --dtype binary --dims 12"
  "-m $m3 --head sparse" "-m $m3 --head colbert" "-m $m3 --head colbert --dtype f16" "-m $MODEL --max-length 12 --on-long skip")
for ((i = seed; i < seed + edits; ++i)); do
  python3 "$SOURCE/tests/cli/edit_corpus.py" "$i" last.jsonl now.jsonl
  read -ra kind <<<"${KINDS[i % ${#KINDS[@]}]}"
  shards=$((i % 3 == 0 ? 65536 : 50 + i % 7 * 40)) window=$((40 + i % 5 * 300))
  # Status 3: not one record could be used, since all are too long. Both runs say so, or neither.
  code=0
  "$BIN" encode -q "${kind[@]}" -o old last.jsonl --shard-rows "$shards" --keep lang 2>stderr || code=$?
  [[ $code != 3 ]] || continue
  equal "$code" 0 "exit status of edit script $i, old"
  hashes old >before
  code=0 full=0
  "$BIN" encode -q "${kind[@]}" -o new now.jsonl --shard-rows 130 --keep lang --window "$window" \
    --row-group 64K --reuse old --reuse-verify 20 2>stderr || code=$?
  "$BIN" encode -q "${kind[@]}" -o full now.jsonl --shard-rows 130 --keep lang --row-group 64K 2>stderr || full=$?
  equal "$code" "$full" "exit status of edit script $i"
  [[ $code == 0 || $code == 3 ]] || fail "edit script $i"
  if [[ $code == 3 ]]; then
    rm -r old
    continue
  fi
  same_data full new
  hashes old >after
  same before after "the old output is only read"
  rm -r old full new
done

# A large enough corpus for a cursor: what is counted is what was changed.
python3 - <<'PY'
import json, random
random.seed(3)
rows = [{'id': f'r{i}', 'text': f'{i} ' + random.choice(['stone', 'river']), 'lang': 'en'} for i in range(6000)]
def write(path, rows):
    with open(path, 'w') as file:
        for row in rows: print(json.dumps(row), file=file)
write('last.jsonl', rows)
for row in random.sample(rows, 60): row['text'] += ' changed'
for row in random.sample(rows, 10): row['lang'] = 'de'
rows = rows[500:] + rows[:500]
write('now.jsonl', rows)
random.shuffle(rows)
write('shuffled.jsonl', rows)
PY
encode old last.jsonl --shard-rows 1700
for corpus in now shuffled; do
  encode "full-$corpus" "$corpus.jsonl" --shard-rows 900
  encode "new-$corpus" "$corpus.jsonl" --shard-rows 900 --window 500 --reuse old
  same_data "full-$corpus" "new-$corpus"
  equal "$(count "new-$corpus" encoded)" 60 "texts encoded"
  equal "$(count "new-$corpus" reused)" 5940 "rows reused"
done
has stderr "reused from an earlier output"
limit=300M
if sanitized; then limit=600M; fi # the program alone is that much larger
encode limited shuffled.jsonl --shard-rows 900 --reuse old --memory-limit $limit --metrics-file m.prom
while IFS= read -r file; do same "full-shuffled/$file" "limited/$file"; done < <(cd limited && find . -name 'part-*')
grep -q '^embedtool_run_reused_rows{.*} 5940$' m.prom || fail "metrics do not count reused rows"
encode lines shuffled.jsonl --reuse old --to jsonl
vectors full-shuffled >full.lines
same full.lines lines/embeddings.jsonl
run 0 encode -m "$MODEL" -o - shuffled.jsonl --reuse old
same full.lines stdout
# A kept field more, another name of the input: nothing is encoded for it.
cp last.jsonl renamed.jsonl
encode renamed renamed.jsonl --keep lang --reuse old
equal "$(count renamed encoded)" 0 "texts encoded for another name and field"
# Several outputs.
head -n 3000 last.jsonl >half.jsonl
encode half half.jsonl
encode both last.jsonl --shard-rows 1700 --reuse half,old
equal "$(count both encoded)" 0 "texts encoded with two earlier outputs"
same_data old both
# Parts reuse as well; scratch files go where they may.
mkdir scratch
for part in 2/3 1/3 3/3; do
  encode parts shuffled.jsonl --reuse old --part $part --unit 16K --tmp-dir scratch --report report.json
done
run 0 merge parts
vectors parts | cmp -s full.lines - || fail "parts with --reuse: other rows"
equal "$(json report.json "d['counts']['encoded'] < 60 and d['counts']['reused'] > 1000")" True "a part that reuses"
run 2 encode -m "$MODEL" shuffled.jsonl -o other --part 1/3 --reuse old --reuse-kernels any
has stderr "--reuse-kernels any and --part cannot be used together"
for folder in nowhere now.jsonl; do
  run 1 encode -m "$MODEL" now.jsonl -o other --tmp-dir $folder
  has stderr "--tmp-dir $folder: "
  [[ ! -e other ]] || fail "an output is made for a run that cannot be"
done
# All rows are encoded again, if asked.
encode checked last.jsonl --shard-rows 1700 --reuse old --reuse-verify 100000
equal "$(count checked checked) $(count checked reused)" "6000 0" "rows checked"

# Another space is refused by name, and nothing is written.
refused() { # NAME ARGUMENT…
  local name=$1
  shift
  run 2 encode -m "$MODEL" -o other now.jsonl --reuse old "$@"
  has stderr "--reuse old: its vectors are of another space: $name was "
  has stderr "--reuse-mismatch encode"
  [[ ! -e other ]] || fail "a refused run leaves something behind"
}
refused dims --dims 8
refused dtype --dtype f16
refused prompt --prompt x
refused max_length --max-length 20
refused on_long --on-long skip
refused normalize --no-normalize
refused pooling --pooling cls
refused model_fingerprint -m builtin
run 0 encode -m "$MODEL" -o other now.jsonl --reuse old --dims 8 --reuse-mismatch encode
has stderr "warning: --reuse old"
equal "$(count other reused)" 0 "rows of another space"
# Other kernels: refused, or used and noted.
if [[ $("$BIN" --version) != *"isa: SSE4"* ]] && "$BIN" encode -q -m "$MODEL" -o low half.jsonl --isa ssse3 2>stderr; then
  run 2 encode -m "$MODEL" -o kernels half.jsonl --reuse low
  has stderr "other code computed it"
  has stderr "--reuse-kernels any"
  run 0 encode -m "$MODEL" -o kernels half.jsonl --reuse low --reuse-kernels any
  run 0 info kernels
  has stdout "reused_kernels"
  equal "$(count kernels encoded)" 0 "texts encoded"
fi
# What is no complete output.
run 2 encode -m "$MODEL" -o none now.jsonl --reuse nowhere
has stderr "--reuse nowhere"
mkdir empty
run 2 encode -m "$MODEL" -o none now.jsonl --reuse empty
run 2 encode -m "$MODEL" -o none now.jsonl --reuse lines
has stderr "Parquet"
run 2 encode -m "$MODEL" -o none now.jsonl --reuse-verify 3
has stderr "--reuse-verify is for --reuse"
run 2 encode -m "$MODEL" -o old now.jsonl --reuse old --overwrite
has stderr "is the output that --overwrite replaces"
[[ ! -e none ]] || fail "a refused run leaves something behind"

# Texts that come again many windows later, in the same run: encoded once each. Lines are written
# without that, and say what the vectors must be.
python3 - <<'PY'
import json, random
random.seed(5)
words = 'stone river light house walks under over green'.split()
texts = [f'{i} ' + ' '.join(random.choice(words) for _ in range(random.choice([0, 2, 9]))) for i in range(1000)]
def write(path, texts):
    with open(path, 'w') as file:
        for i, text in enumerate(texts): print(json.dumps({'id': f'{i}', 'text': text}), file=file)
write('fifty.jsonl', texts * 50)
write('ten.jsonl', texts[:400] * 10)
mixed = texts * 10
random.shuffle(mixed)
write('mixed.jsonl', mixed)
PY
encode fifty fifty.jsonl --window 100 --shard-rows 1700 --row-group 64K
equal "$(count fifty encoded) $(count fifty duplicates)" "1000 49000" "texts encoded and copied"
encode fifty-lines fifty.jsonl --to jsonl
vectors fifty | cmp - fifty-lines/embeddings.jsonl || fail "copied rows are not those of their texts"
encode one-shard fifty.jsonl --window 100
equal "$(count one-shard encoded)" 1000 "texts encoded while no shard is published"
vectors one-shard | cmp - fifty-lines/embeddings.jsonl || fail "copied rows are not those of their texts"
encode mixed mixed.jsonl --window 50 --shard-rows 700
[[ $(count mixed encoded) -lt 2500 ]] || fail "$(count mixed encoded) texts were encoded"
encode mixed-lines mixed.jsonl --to jsonl
vectors mixed | cmp - mixed-lines/embeddings.jsonl || fail "copied rows are not those of their texts"
for head in dense sparse colbert; do
  for dtype in f32 int8; do
    if [[ $head == sparse && $dtype != f32 ]]; then continue; fi
    rm -rf ten ten-lines
    run 0 encode -m "$m3" --head "$head" --dtype "$dtype" -o ten ten.jsonl --window 40 --shard-rows 150
    equal "$(count ten encoded)" 400 "texts encoded for --head $head"
    run 0 encode -m "$m3" --head "$head" --dtype "$dtype" -o ten-lines ten.jsonl --to jsonl
    vectors ten | cmp - ten-lines/embeddings.jsonl || fail "copied rows are not those of their texts: $head"
  done
done

# A flipped bit in the old vectors: found, and no output is completed.
cp -r old broken
shard=$(find broken -name part-00001.parquet)
for at in 3000 20000 60000; do
  cp "$(find old -name part-00001.parquet)" "$shard"
  python3 -c "
import sys
with open(sys.argv[1], 'r+b') as f:
    f.seek($at); byte = f.read(1)[0]; f.seek($at); f.write(bytes([byte ^ 16]))" "$shard"
  code=0
  "$BIN" encode -q -m "$MODEL" -o damaged last.jsonl --reuse broken >stdout 2>stderr || code=$?
  # Bytes of columns that reuse does not read may be anything.
  if [[ $code == 0 ]]; then
    encode -- damaged last.jsonl 2>/dev/null || true
    same_data old damaged 2>/dev/null || vectors damaged | cmp - <(vectors old) || fail "damage at $at went unnoticed"
  else
    equal "$code" 1 "exit status with damaged vectors"
    has stderr "part-00001.parquet"
    [[ ! -e damaged/manifest.json ]] || fail "an output was completed with damaged vectors"
  fi
  rm -rf damaged
done

# A stopped run goes on with the same command.
mkfifo pipe
"$BIN" encode -m "$MODEL" -o resumed --shard-rows 900 --window 300 --reuse old - <pipe >stdout 2>stderr &
pid=$!
exec 7>pipe
head -n 4000 now.jsonl >&7
while [[ -z $(find resumed -name 'part-00001.parquet' 2>/dev/null) ]]; do sleep 0.05; done
kill -TERM "$pid"
wait "$pid" || true
exec 7>&-
run 0 encode -m "$MODEL" -o resumed --shard-rows 900 --reuse old - < <(cat now.jsonl)
has stderr "resuming after"
while IFS= read -r file; do same "full-now/$file" "resumed/$file"; done < <(cd full-now && find . -name 'part-*')
run 0 verify resumed
