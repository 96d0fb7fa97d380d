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
check_jsonl stdout 'len(d) == 4 and d[0]["query"] != d[2]["query"] and [r["query_id"] for r in d] == ["0", "0", "1", "1"]'
run 0 search out --queries - -k 2 --json <queries.txt
check_jsonl stdout 'len(d) == 4'
run 0 search out "$query" -k 1000 --json
check_jsonl stdout 'len(d) == 400 and "query_id" not in d[0]'
run 1 search nowhere "$query"
run 2 search out
run 2 search out "$query" --queries queries.txt

# Late interaction: the sum of each query vector's greatest product, of the vectors that encode gives
# with the query's prompt.
late=$SOURCE/tests/golden/heads/colbert_pylate/model
run 0 encode -m "$late" -o late in.jsonl --shard-rows 150
vectors late >late.vectors
printf '%s\nwater and music\n' "$query" >queries.txt
run 0 encode -m "$late" --prompt-name query --to jsonl -o - queries.txt
cp stdout late.queries
run 0 search late --queries queries.txt -k 400 --json --threads 1
cp stdout late.found
python3 - <<'PY' || fail "search does not give the sums of the greatest products"
import json, math
queries = [json.loads(l)['embedding'] for l in open('late.queries')]
rows = {r['id']: r['embedding'] for r in map(json.loads, open('late.vectors'))}
found = [json.loads(l) for l in open('late.found')]
assert len(found) == 2 * len(rows), len(found)
def score(query, row):
    if not row: return 0.0
    return math.fsum(max(math.fsum(a * b for a, b in zip(q, r)) for r in row) for q in query)
names = [l.rstrip('\n') for l in open('queries.txt')]
for name, query in zip(names, queries):
    mine = [f for f in found if f['query'] == name]
    assert [f['score'] for f in mine] == sorted((f['score'] for f in mine), reverse=True)
    assert {f['id'] for f in mine} == rows.keys()
    for f in mine[:40] + mine[-5:]:
        assert abs(f['score'] - score(query, rows[f['id']])) < len(query) * 1e-5, f
PY
run 0 search late --queries queries.txt -k 400 --json --threads 3
cmp -s stdout late.found || fail "the number of threads changes what search finds"
run 0 encode -m "$late" -o halves --dtype f16 in.jsonl
run 0 search halves "$query" -k 5 --json
check_jsonl stdout 'len(d) == 5'
