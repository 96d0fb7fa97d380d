#!/usr/bin/env bash
# A model with an adapter for each of its tasks (Jina embeddings v3): --prompt-name chooses one.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

mkdir tasks-model
cp -r "$SOURCE"/tests/golden/tasks/model/* tasks-model/
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' {a..z} '##'{a..s} >tasks-model/vocab.txt
printf '{"tokenizer_class": "BertTokenizer"}\n' >tasks-model/tokenizer_config.json
printf 'a b c\nd e f g\nx y\n' >letters.txt
run 0 encode -m tasks-model letters.txt -o untasked
has stderr "none is in use; --prompt-name chooses one: retrieval.query, retrieval.passage, text-matching"
run 0 encode -m tasks-model letters.txt -o tasked --prompt-name retrieval.passage
lacks stderr "none is in use"
run 2 encode -m tasks-model letters.txt -o tasked --prompt-name text-matching
has stderr "role"
run 0 encode -m tasks-model letters.txt --to jsonl -o - --prompt-name retrieval.passage
cp stdout tasked.rows
printf 'd e f\n' >query.txt
run 0 encode -m tasks-model query.txt --to jsonl -o - --prompt-name retrieval.query
cp stdout tasked.query
run 0 search tasked "d e f" -k 3 --json
cp stdout tasked.found
python3 - <<'PY' || fail "search does not use the adapter for queries"
import json
q = json.loads(open('tasked.query').readline())['embedding']
rows = {r['id']: r['embedding'] for r in map(json.loads, open('tasked.rows'))}
for r in map(json.loads, open('tasked.found')):
    assert abs(r['score'] - sum(a * b for a, b in zip(q, rows[r['id']]))) < 1e-5, r
PY
run 2 encode -m tasks-model letters.txt -o other --prompt-name clustering
has stderr "clustering"
