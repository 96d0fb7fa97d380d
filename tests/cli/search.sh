#!/usr/bin/env bash
# search: exact nearest rows, as computed here from the exported vectors.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 400 >in.jsonl
encode out in.jsonl --keep lang --shard-rows 150
vectors out >out.vectors
query="a stone house under the river"
run 0 search out "$query" -k 7 --json
cp stdout found.jsonl
echo "$query" >query.txt
run 0 encode -m "$MODEL" --to jsonl -o - query.txt
cp stdout query.vectors
python3 - <<'PY' || fail "search does not give the nearest rows"
import json, math
def dot(a, b): return math.fsum(x * y for x, y in zip(a, b))
q = json.loads(open('query.vectors').readline())['embedding']
rows = [json.loads(l) for l in open('out.vectors')]
def cosine(v): return dot(q, v) / math.sqrt(dot(q, q) * dot(v, v))
truth = sorted(range(len(rows)), key=lambda i: (-cosine(rows[i]['embedding']), i))
found = [json.loads(l) for l in open('found.jsonl')]
assert [r['rank'] for r in found] == list(range(1, 8)), found
for r, i in zip(found, truth):
    # f32 sums of n products of normalized vectors: n · 2^-24 at most
    assert abs(r['score'] - cosine(rows[i]['embedding'])) < len(q) * 2 ** -24, (r, i)
best = {rows[i]['id'] for i in truth[:7]}
tied = {r['id'] for r in rows if abs(cosine(r['embedding']) - cosine(rows[truth[6]]['embedding'])) < 1e-5}
assert {r['id'] for r in found} <= best | tied
assert all(r['lang'] in ('en', 'de') for r in found)
PY
run 0 search out "$query" -k 3
has stdout "$(jsonl found.jsonl 'd[0]["id"]')"
printf '%s\nwater and music\n' "$query" >queries.txt
run 0 search out --queries queries.txt -k 2 --json
check_jsonl stdout 'len(d) == 4 and d[0]["query"] != d[2]["query"]'
run 0 search out --queries - -k 2 --json <queries.txt
check_jsonl stdout 'len(d) == 4'
run 0 search out "$query" -k 1000 --json
check_jsonl stdout 'len(d) == 400'
run 1 search nowhere "$query"
run 2 search out
run 2 search out "$query" --queries queries.txt
