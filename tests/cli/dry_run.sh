#!/usr/bin/env bash
# encode --dry-run: what it says is what the run then comes to, and nothing is written.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

# plan ARGUMENT…: the plan as JSON in the file plan.json, made where nothing can be written.
plan() {
  touch plan.json stderr after
  find . -printf '%p %s %i\n' | grep -vE '^./(plan.json|stderr|before|after) ' | sort >before
  TMPDIR=$WORK/nowhere "$BIN" encode -m "$MODEL" --dry-run --log-format json "$@" >plan.json 2>stderr ||
    fail "encode --dry-run $*"
  find . -printf '%p %s %i\n' | grep -vE '^./(plan.json|stderr|before|after) ' | sort >after
  diff before after >/dev/null || fail "something was written: $(diff before after)"
}
# compare FILE ARGUMENT…: plans a run, runs it, and compares the figures.
compare() {
  plan -o out "$@"
  encode out "$@"
  python3 - "$@" <<'PY' || fail "the plan is not what the run came to: $*"
import json, sys
plan = json.load(open("plan.json"))
counts = json.load(open("out/report.json"))["counts"]
assert plan["counted"], plan
assert plan["rows"] == counts["rows"], (plan, counts)
# A document that cannot be cut is no text of the run's.
uncut = plan["left_out"] if "--chunk-tokens" in sys.argv else 0
assert plan["records"] - uncut == counts["texts"], (plan, counts)
assert plan["rejected"] + plan["left_out"] == counts["rejected"], (plan, counts)
assert plan["truncated"] == counts["truncated"], (plan, counts)
assert all(plan[k] == 0 for k in plan if k.endswith("_error")), plan
assert plan["seconds"] > 0 and plan["memory_bytes"] > 0 and plan["outlook"] == "does not exist yet"
PY
  # Tokens of all rows, equal texts each time: n_tokens of the rows.
  "$BIN" encode -q -m "$MODEL" --to npy -o npy "$@"
  equal "$(json plan.json 'd["tokens"]')" "$(jsonl npy/ids.jsonl 'sum(r["n_tokens"] for r in d)')" "tokens"
  rm -rf out npy
}

corpus 900 >in.jsonl
sed -i '7s/.*/{broken/' in.jsonl
compare in.jsonl
compare in.jsonl --max-length 16
compare in.jsonl --max-length 16 --on-long skip
compare in.jsonl --limit 100
compare in.jsonl --sample 100
gzip -k in.jsonl
compare in.jsonl.gz
python3 - <<'PY'
import csv, json
rows = [json.loads(l) for l in open("in.jsonl") if l.startswith('{"')]
json.dump(rows, open("in.json", "w"), indent=1)
w = csv.DictWriter(open("in.csv", "w", newline=""), ["id", "text", "lang"]); w.writeheader(); w.writerows(rows)
open("in.txt", "w").writelines(r["text"] + "\n" for r in rows)
open("ids.jsonl", "w").writelines(json.dumps({"input_ids": [2, 5, i % 9 + 4, 3]}) + "\n" for i in range(50))
open("vectors.jsonl", "w").writelines(json.dumps({"v": [1.0] * 32}) + "\n" for i in range(50))
PY
compare in.json
compare in.csv
compare in.txt
compare ids.jsonl
mkdir docs
cp in.jsonl in.csv in.txt docs/
compare docs in.json ids.jsonl
equal "$(json plan.json '[i["format"] for i in d["inputs"]]')" "['csv, jsonl, text', 'json', 'jsonl']" formats
dims=$("$BIN" info "$MODEL" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["dimensions"])')
if [[ $dims == 32 ]]; then compare vectors.jsonl --vector-field v; fi
# Chunks, one of which cannot be cut.
python3 - <<'PY'
import json
rows = [json.loads(l) for l in open("in.jsonl") if l.startswith('{"')]
with open("long.jsonl", "w") as f:
    for i in range(0, 600, 20):
        text = ". ".join(r["text"].capitalize() for r in rows[i:i + 20])
        f.write(json.dumps({"id": i, "text": text, "title": "stone " * (i % 3)}) + "\n")
    f.write(json.dumps({"id": "no", "text": "a", "title": "stone " * 40}) + "\n")
PY
compare long.jsonl --chunk-tokens 24 --chunk-overlap 25% --chunk-prefix title
equal "$(json plan.json '(d["records"], d["left_out"], d["rows"] > 200)')" "(31, 1, True)"
compare long.jsonl --on-long chunk
compare long.jsonl --chunk-tokens 24 --chunk-join mean
run 0 encode -m "$MODEL" --dry-run long.jsonl --chunk-tokens 24
has stdout "chunks"
# Columns: rows of our own shards are a corpus.
encode shards in.jsonl --keep text
compare shards/data/part-00000.parquet
"$BIN" export shards --to arrow -o in.arrow
compare in.arrow

# Every format of the output is measured.
for to in parquet npy jsonl arrow; do
  plan -o out --to $to in.jsonl
  run 0 encode -q -m "$MODEL" -o out --to $to in.jsonl
  rm out/report.json out/manifest.json out/rejects.jsonl
  python3 - <<'PY' || fail "bytes of $to"
import json, pathlib
plan = json.load(open("plan.json"))["disk_bytes"]
real = sum(path.stat().st_size for path in pathlib.Path("out").rglob("*") if path.is_file())
assert abs(plan - real) <= 0.01 * real, (plan, real)
PY
  rm -rf out
done

# A corpus that is read here and there: tokens within 2 % all the same.
python3 - <<'PY'
import json, random
random.seed(5)
words = [c + v + d for c in "bdfgklmnprst" for v in "aeiou" for d in "bdfgklmnprst"]
with open("large.jsonl", "w") as f:
    for i in range(60000):  # the second half is unlike the first
        n = random.randint(1, 30) if i < 30000 else random.randint(60, 200)
        f.write(json.dumps({"id": i, "text": " ".join(random.choices(words, k=n)) if i < 30000 else "a b c " * n}) + "\n")
PY
plan -o out large.jsonl
run 0 tokenize -q -m "$MODEL" large.jsonl
jsonl stdout '"%d %d" % (sum(r["n_tokens"] for r in d), len(d))' >truth
python3 - <<'PY' || fail "the estimate is off: $(cat plan.json)"
import json
plan = json.load(open("plan.json"))
tokens, records = map(int, open("truth").read().split())
assert abs(plan["tokens"] / tokens - 1) < 0.02, (plan, tokens)
assert abs(plan["records"] / records - 1) < 0.1, (plan, records)
PY

# For people; what the output will say; what is refused, by name.
run 0 encode -m "$MODEL" --dry-run in.jsonl
for word in "Nothing was written" "in.jsonl: " "899; 1 cannot be used" tokens "about" "memory"; do has stdout "$word"; done
lacks stdout "output"
equal "$(lines stderr)" 0 "lines on standard error"
encode made in.jsonl
run 0 encode -m "$MODEL" --dry-run -o made in.jsonl
has stdout "made is up to date with 899 rows; there is nothing to do"
run 0 encode -m "$MODEL" --dry-run -o made --overwrite in.jsonl
has stdout "would be replaced"
run 2 encode -m "$MODEL" --dry-run -o made --max-length 9 in.jsonl
has stderr "made holds a complete output of another run: max_length was"
has stdout "tokens"
run 2 encode -m "$MODEL" --dry-run -o docs in.jsonl
has stderr "was not written by embedtool (contains e.g. '"
run 2 encode -m "$MODEL" --dry-run - <in.jsonl
has stderr "--dry-run: standard input can be read only once"
printf '{"body":"x"}\n{"body":"y"}\n' >unusable.jsonl
run 3 encode -m "$MODEL" --dry-run unusable.jsonl
has stderr "no record could be used"
mkfifo pipe
run 2 encode -m "$MODEL" --dry-run pipe
has stderr "--dry-run: pipe can be read only once"
run 2 encode -m "$MODEL" --dry-run --part 1/2 -o out in.jsonl
has stderr "--part and --dry-run cannot be used together"
run 2 encode -m "$MODEL" --dry-run --reuse made -o out in.jsonl
has stderr "--reuse and --dry-run cannot be used together"
run 1 encode -m "$MODEL" --dry-run missing.jsonl
run 2 encode -m "$MODEL" in.jsonl
has stderr "--output is missing: -o OUT writes to a directory, -o - to standard output"

# What a run leaves behind that was killed before its first row does not make a directory non-empty.
mkdir -p left/.rows
touch left/.embedtool-lock
run 0 encode -m "$MODEL" --dry-run -o left in.jsonl
has stdout "left is an empty directory"
