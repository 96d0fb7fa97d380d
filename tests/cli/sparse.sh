#!/usr/bin/env bash
# Heads: weights of tokens and vectors a token, from the command line to every output.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

heads=$SOURCE/tests/golden/heads
splade=$heads/splade_bert/model
listed=$heads/splade_distilbert/model
m3=$heads/bge_m3/model
cat >in.jsonl <<'EOF'
{"id":"a","text":"stone water","lang":"en"}
{"id":"b","text":"the stone","lang":"en"}
{"id":"c","text":"","lang":"de"}
{"id":"d","text":"stone water","lang":"de"}
{"id":"e","text":"what is the water?"}
EOF

# JSON Lines: an object a row, heaviest first; equal texts, equal weights.
run 0 encode -m "$splade" --head sparse --to jsonl -o - --keep lang in.jsonl
cp stdout rows.jsonl
check_jsonl rows.jsonl '[r["id"] for r in d] == list("abcde")'
check_jsonl rows.jsonl 'all(isinstance(r["embedding"], dict) for r in d)'
check_jsonl rows.jsonl 'all(list(r["embedding"].values()) == sorted(r["embedding"].values(), reverse=True) for r in d)'
check_jsonl rows.jsonl 'all(w > 0 for r in d for w in r["embedding"].values())'
check_jsonl rows.jsonl 'd[0]["embedding"] == d[3]["embedding"] and d[0]["embedding"] != d[1]["embedding"]'

# Parquet says the same, whole and verified; threads and batches change nothing.
run 0 encode -m "$splade" --head sparse -o out --keep lang in.jsonl
vectors out >out.jsonl
same rows.jsonl out.jsonl "the Parquet output and the stream"
run 0 verify out
has stderr "5 rows"
run 0 info out
has stdout "weights"
run 0 info out --json
check_json stdout 'd["sparse"] is True and d["settings"]["head"] == "sparse"'
run 0 encode -m "$splade" --head sparse -o out2 --keep lang --batch-size 1 --threads 1 in.jsonl
same out/data/part-00000.parquet out2/data/part-00000.parquet "other batches"
run 0 encode -m "$splade" --head sparse -o out --keep lang in.jsonl
has stderr "up to date"
run 0 export out --to parquet -o one.parquet
# pgcopy has the tokens' numbers in the vocabulary.
run 0 export out --to pgcopy -o out.pgcopy
has stderr "embedding sparsevec("
python3 - rows.jsonl "$splade" <<'PY' || fail "the sparsevecs are not the rows' weights"
import json, os, struct, sys
vocabulary = {}
for name in ('vocab.txt', 'tokenizer.json'):
    path = os.path.join(sys.argv[2], name)
    if not os.path.exists(path):
        continue
    if name == 'vocab.txt':
        vocabulary = {line.rstrip('\n'): i for i, line in enumerate(open(path, encoding='utf-8'))}
    else:
        vocabulary = json.load(open(path, encoding='utf-8'))['model']['vocab']
    break
raw = open('out.pgcopy', 'rb').read()
for line in open(sys.argv[1]):
    row = json.loads(line)
    entries = sorted((vocabulary[token], weight) for token, weight in row['embedding'].items())
    body = struct.pack('>ii', len(entries), 0)
    body += b''.join(struct.pack('>i', i) for i, _ in entries) + b''.join(struct.pack('>f', w) for _, w in entries)
    assert raw.count(struct.pack('>i', len(body) + 4)) and body in raw, row['id']
PY
run 2 encode -m "$splade" --head sparse --dims 2 -o out --keep lang in.jsonl
has stderr "kept_tokens"

# --dims keeps the heaviest.
run 0 encode -m "$splade" --head sparse --dims 2 --to jsonl -o - in.jsonl
python3 - rows.jsonl stdout <<'PY' || fail "--dims does not keep the heaviest"
import json, sys
all, some = ([json.loads(l)['embedding'] for l in open(f)] for f in sys.argv[1:])
assert [dict(list(r.items())[:2]) for r in all] == some
PY

# search: the sum of products of shared tokens' weights.
run 0 search out "stone water" -k 5 --json
cp stdout found.jsonl
python3 - rows.jsonl found.jsonl <<'PY' || fail "search does not give the largest products"
import json, math, sys
rows, found = ([json.loads(l) for l in open(f)] for f in sys.argv[1:])
query = rows[0]['embedding']
score = {r['id']: math.fsum(query.get(t, 0) * w for t, w in r['embedding'].items()) for r in rows}
assert [f['rank'] for f in found] == [1, 2, 3, 4, 5]
for f in found:
    assert abs(f['score'] - score[f['id']]) <= 1e-5 * max(1, score[f['id']]), (f, score)
assert [f['id'] for f in found][:2] == ['a', 'd']
PY

# A folder that lists SPLADE needs no flag, and has no other head.
run 0 encode -m "$listed" --to jsonl -o - in.jsonl
check_jsonl stdout 'all(isinstance(r["embedding"], dict) for r in d)'
run 2 encode -m "$listed" --head dense --to jsonl -o - in.jsonl
has stderr "has only: sparse"
run 0 info "$listed"
has stdout "masked-language head"
lacks stdout "unused"

# Three heads in one folder.
run 0 info "$m3"
has stdout "dense, sparse, colbert"
run 0 encode -m "$m3" --to jsonl -o - in.jsonl
check_jsonl stdout 'all(len(r["embedding"]) == 24 for r in d)'
run 0 encode -m "$m3" --head sparse --to jsonl -o - in.jsonl
check_jsonl stdout '"water" in d[4]["embedding"] and "stone" not in d[4]["embedding"] and d[2]["embedding"] == {}'
run 0 encode -m "$m3" --head colbert --to jsonl -o - in.jsonl
check_jsonl stdout 'len(d[1]["embedding"]) == 3 and len(d[1]["embedding"][0]) == 10'
run 2 encode -m "$MODEL" --head sparse --to jsonl -o - in.jsonl
has stderr "has only: dense"

# What weights of tokens cannot be.
run 2 encode -m "$splade" --head sparse --to npy -o no in.jsonl
has stderr "npy"
run 2 encode -m "$splade" --head sparse --to npy -o no in.jsonl --dry-run
has stderr "npy"
run 2 encode -m "$splade" --head sparse --dtype int8 -o no in.jsonl
has stderr "--dtype int8"
run 2 encode -m "$splade" --head sparse --pooling cls -o no in.jsonl
has stderr "--pooling"
run 2 encode -m "$splade" --head sparse --vector-field v -o no in.jsonl
has stderr "--vector-field"
[[ ! -e no ]] || fail "a refused run left an output"
for format in npy fvecs bvecs faiss; do
  run 2 export out --to "$format" -o "no.$format"
  has stderr "token weights"
done

# A pickle that would run something is refused, and nothing runs.
cp -r "$m3" evil
python3 - <<'PY'
import zipfile
class Evil:
    def __reduce__(self):
        import os
        return (os.system, ('touch pwned',))
import pickle
with zipfile.ZipFile('evil/sparse_linear.pt', 'w') as z:
    z.writestr('archive/data.pkl', pickle.dumps({'weight': Evil()}, protocol=2))
PY
run 4 info evil
has stderr "sparse_linear.pt"
[[ ! -e pwned ]] || fail "the pickle ran"
