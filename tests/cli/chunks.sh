#!/usr/bin/env bash
# Long texts cut into chunks: what the rows say, in every format, and that nothing is lost.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

python3 - <<'PY'
import json, random
random.seed(3)
scripts = ['The river is deep. Who crosses it? ', 'Река глубока. Кто перейдёт? ', 'النهر عميق. من سيعبره؟ ',
           'नदी गहरी है। कौन पार करेगा? ', 'แม่น้ำลึกมากใครจะข้าม ', '河很深。誰會渡過呢？', '강은 깊다. 누가 건널까? ',
           'Η όχθη. Ποιος; ', '👨‍👩‍👧🏽🇩🇪 e\u0301\u0302 ', 'nul\0nul. ', '\r\n', '\n\n', '\u2028', 'stone water light. ', 'same same. ']
with open('long.jsonl', 'w', encoding='utf-8') as out:
    for i in range(60):
        text = ''.join(random.choice(scripts) for _ in range(random.choice([0, 1, 5, 30, 120])))
        row = {'id': f'd{i}', 'text': text, 'lang': random.choice(['en', 'de'])}
        if i % 3:
            row['title'] = f'The stone {i}'
        out.write(json.dumps(row, ensure_ascii=False) + '\n')
    out.write(json.dumps({'id': 'blank', 'text': ' \n' * 500}) + '\n')
    out.write(json.dumps({'id': 'run', 'text': 'x' * 30000, 'title': ''}) + '\n')
    out.write(json.dumps({'id': 'ids', 'input_ids': [2, 5, 3]}) + '\n')
PY
CHUNKS=(--chunk-tokens 24 --chunk-prefix title --chunk-text --keep lang)

# The slices of the documents are the chunks; they cover, in order, and none is truncated.
cat >check.py <<'PY'
import json, sys
overlap = int(sys.argv[1])
documents = {d['id']: d for d in map(json.loads, open('long.jsonl', encoding='utf-8'))}
rows = [json.loads(line) for line in sys.stdin]
seen = {}
for row in rows:
    document = documents[row['doc_id']]
    text = document.get('text', '')
    assert row['id'] == f"{row['doc_id']}#{row['chunk']}", row['id']
    assert text[row['start_char']:row['end_char']] == row['text'], row['id']
    assert text.encode()[row['start']:row['end']].decode() == row['text'], row['id']
    assert row['lang'] == document.get('lang'), row['id']
    if 'n_tokens' in row:
        assert row['n_tokens'] <= 24 and not row['truncated'], row['id']
    seen.setdefault(row['doc_id'], []).append(row)
assert list(seen) == list(documents), 'a document is lost, or out of order'
for name, chunks in seen.items():
    text = documents[name].get('text', '')
    assert [c['chunk'] for c in chunks] == list(range(len(chunks))), name
    assert {c['chunks'] for c in chunks} == {len(chunks)}, name
    covered = 0
    for chunk in chunks:
        begin = chunk['start_char']
        assert overlap or begin >= covered, name
        assert begin <= covered or text[covered:begin].isspace(), name
        covered = chunk['end_char']
    assert not text[covered:].strip(), name
assert max(len(c) for c in seen.values()) > 20 and min(len(c) for c in seen.values()) == 1
PY
for by in token sentence paragraph; do
  for overlap in 0 20%; do
    run 0 encode -m "$MODEL" long.jsonl "${CHUNKS[@]}" --chunk-by $by --chunk-overlap $overlap --to jsonl -o -
    python3 check.py "${overlap%\%}" <stdout || fail "the chunks by $by with overlap $overlap"
  done
done

# Parquet, npy and JSON Lines say the same, and so do exports.
encode out long.jsonl "${CHUNKS[@]}" --chunk-overlap 20%
run 0 verify out
vectors out >rows.jsonl
python3 check.py 20 <rows.jsonl
encode lines long.jsonl "${CHUNKS[@]}" --chunk-overlap 20% --to jsonl
same rows.jsonl lines/embeddings.jsonl
encode matrix long.jsonl "${CHUNKS[@]}" --chunk-overlap 20% --to npy
python3 check.py 20 <matrix/ids.jsonl
run 0 export out --to parquet -o one.parquet
run 0 export out --to arrow -o out.arrow
run 0 encode -m builtin-fast one.parquet --text-field text --id-field doc_id --keep chunk,start,end_char --to jsonl -o -
cp stdout from_parquet.jsonl
run 0 encode -m builtin-fast out.arrow --text-field text --id-field doc_id --keep chunk,start,end_char --to jsonl -o -
same from_parquet.jsonl stdout "what Parquet and Arrow hold"
check_jsonl stdout '[(r["id"], r["chunk"], r["start"], r["end_char"]) for r in d] == [(r["doc_id"], str(r["chunk"]), str(r["start"]), str(r["end_char"])) for r in map(json.loads, open("rows.jsonl"))]'
run 0 export out --to csv -o out.csv
python3 - <<'PY' || fail "the CSV does not say what the rows say"
import csv, json
csv.field_size_limit(1 << 24)
rows = [json.loads(line) for line in open('rows.jsonl', encoding='utf-8')]
for row, cells in zip(rows, csv.DictReader(open('out.csv', encoding='utf-8', newline='')), strict=True):
    for name in ('id', 'doc_id', 'chunk', 'chunks', 'start', 'end', 'start_char', 'end_char'):
        assert cells[name] == str(row[name]), (row['id'], name)
PY

# The report counts.
check_json out/report.json 'd["chunks"]["documents"] == d["counts"]["texts"] == 63'
check_json out/report.json 'd["chunks"]["chunks"] == d["counts"]["rows"] == sum(b["count"] for b in d["chunks"]["lengths"])'
check_json out/report.json 'd["chunks"]["overlap_tokens"] > 0 and d["chunks"]["prefix_tokens"] > 0'
check_json out/report.json 'd["counts"]["truncated"] == 0 and d["counts"]["rejected"] == 0'

# A chunk's vector is that of its text alone, to the last bit, with prompt and prefix.
encode whole long.jsonl --chunk-tokens 24 --chunk-prefix title --chunk-text --prompt 'passage: '
vectors whole >whole.jsonl
python3 - <<'PY'
import json
titles = {d['id']: d.get('title') for d in map(json.loads, open('long.jsonl', encoding='utf-8'))}
with open('alone.jsonl', 'w', encoding='utf-8') as out:
    for row in map(json.loads, open('whole.jsonl', encoding='utf-8')):
        title = titles[row['doc_id']]
        text = f"{title} {row['text']}" if title else row['text']
        out.write(json.dumps({'id': row['id'], 'text': text}) + '\n' if row['doc_id'] != 'ids'
                  else json.dumps({'id': row['id'], 'input_ids': [2, 5, 3]}) + '\n')
PY
encode alone alone.jsonl --prompt 'passage: '
vectors alone >alone_rows.jsonl
python3 - <<'PY' || fail "chunks and the same texts alone differ"
import json
a, b = ([(r['id'], r['embedding']) for r in map(json.loads, open(f, encoding='utf-8'))] for f in ('whole.jsonl', 'alone_rows.jsonl'))
assert a == b
PY

# Neither threads nor windows nor batches change a byte.
encode other long.jsonl "${CHUNKS[@]}" --chunk-overlap 20% --threads 1 --window 7 --batch-size 3
same out/data/part-00000.parquet other/data/part-00000.parquet "other windows"
run 0 encode -m "$MODEL" -o out long.jsonl "${CHUNKS[@]}" --chunk-overlap 20%
has stderr "up to date"
run 2 encode -m "$MODEL" -o out long.jsonl "${CHUNKS[@]}" --chunk-overlap 10%
has stderr "chunk_overlap was '4' and is now '2' (--chunk-overlap)"
run 2 encode -m "$MODEL" -o out long.jsonl
has stderr "on_long was 'chunk'"

# A run that is stopped within a document goes on there.
mkfifo pipe
code=0
"$BIN" encode -m "$MODEL" -o resumed "${CHUNKS[@]}" --shard-rows 11 --window 5 - <pipe >stdout 2>stderr &
pid=$!
exec 7>pipe
head -n 50 long.jsonl >&7
while [[ ! -e resumed/data/part-00002.parquet ]]; do sleep 0.05; done
kill -TERM "$pid"
wait "$pid" || code=$?
exec 7>&-
equal "$code" 143 "exit status of a stopped run"
run 0 encode -m "$MODEL" -o resumed "${CHUNKS[@]}" --shard-rows 11 --window 5 - < <(cat long.jsonl)
has stderr "resuming"
run 0 encode -m "$MODEL" -o undisturbed "${CHUNKS[@]}" --shard-rows 11 --window 5 - < <(cat long.jsonl)
for part in undisturbed/data/*; do same "$part" "resumed/data/${part##*/}" "a resumed run"; done

# --limit and --sample choose documents, and all chunks of one that is chosen are there.
encode sample long.jsonl "${CHUNKS[@]}" --chunk-overlap 20% --sample 20
vectors sample >sample.jsonl
encode first long.jsonl "${CHUNKS[@]}" --chunk-overlap 20% --limit 20
vectors first >first.jsonl
python3 - <<'PY' || fail "--sample or --limit"
import json
every, sample, first = ([json.loads(line) for line in open(f, encoding='utf-8')] for f in ('rows.jsonl', 'sample.jsonl', 'first.jsonl'))
chosen = {row['doc_id'] for row in sample}
assert len(chosen) == 20 and sample == [row for row in every if row['doc_id'] in chosen]
head = [f'd{i}' for i in range(20)]
assert first == [row for row in every if row['doc_id'] in head]
PY

# Units: the same rows whatever the parts; reuse: unchanged chunks are not encoded.
for k in 1 2; do run 0 encode -m "$MODEL" -o parts long.jsonl "${CHUNKS[@]}" --chunk-overlap 20% --part $k/2 --unit 4K -q; done
run 0 merge parts
run 0 verify parts
vectors parts >parts.jsonl
same rows.jsonl parts.jsonl "merged parts"
sed 's/stone water light[.] /stone water light! /' long.jsonl >edited.jsonl
encode night edited.jsonl "${CHUNKS[@]}" --chunk-overlap 20% --reuse out --changes changes.jsonl
encode fresh edited.jsonl "${CHUNKS[@]}" --chunk-overlap 20%
same night/data/part-00000.parquet fresh/data/part-00000.parquet "an output with reuse"
check_json night/report.json 'd["counts"]["reused"] > 50 and d["counts"]["encoded"] > 0'
run 2 encode -m "$MODEL" -o other2 edited.jsonl "${CHUNKS[@]}" --reuse out
has stderr "chunk_overlap was"

# tokenize prints the same chunks, and encode takes them.
run 0 tokenize -m "$MODEL" long.jsonl "${CHUNKS[@]:0:5}" --chunk-overlap 20%
cp stdout tokens.jsonl
check_jsonl tokens.jsonl '[(r["id"], r["start"], r["end_char"], r["text"], r["n_tokens"]) for r in d] == [(r["id"], r["start"], r["end_char"], r["text"], n["n_tokens"]) for r, n in zip(map(json.loads, open("rows.jsonl")), map(json.loads, open("matrix/ids.jsonl")))]'
check_jsonl tokens.jsonl 'all(len(r["input_ids"]) == r["n_tokens"] <= 24 and not r["truncated"] for r in d)'
encode from_tokens tokens.jsonl
vectors from_tokens >from_tokens.jsonl
check_jsonl from_tokens.jsonl '[r["embedding"] for r in d] == [r["embedding"] for r in map(json.loads, open("rows.jsonl"))]'
run 2 tokenize -m "$MODEL" long.jsonl --on-long skip
has stderr "truncated or in chunks"

# search shows the passage that matched.
run 0 search out "stone water light." -k 3
has stdout "stone water light."
run 0 search out "stone water light." -k 3 --json
check_jsonl stdout 'all(r["text"] and r["id"] == r["doc_id"] + "#" + str(r["chunk"]) and r["end"] > r["start"] for r in d)'
encode bare long.jsonl --chunk-tokens 24
run 0 export bare --to pgcopy -o bare.pgcopy
has stderr '"doc_id" text, "chunk" integer'
run 0 search bare "stone water light." -k 3
grep -qE 'characters [0-9]+ to [0-9]+ of d[0-9]+' stdout || fail "search does not say where a passage is"

# Arrow, in a file and as a stream, has the same columns.
encode arrow long.jsonl "${CHUNKS[@]}" --chunk-overlap 20% --to arrow
run 0 encode -m builtin-fast arrow/embeddings.arrow --text-field text --id-field doc_id --keep chunk,start,end_char --to jsonl -o -
same from_parquet.jsonl stdout "what --to arrow writes"

# --chunk-join: one row a document, which is what its chunks' rows give.
cat >join.py <<'PY'
import json, math, sys
chunks, joined, mode = sys.argv[1:]
read = lambda f: [json.loads(line) for line in open(f, encoding='utf-8')]
tokens = {row['id']: row['n_tokens'] for row in read('matrix/ids.jsonl')}
documents = {}
for row in read(chunks):
    documents.setdefault(row['doc_id'], []).append(row)
rows = read(joined)
assert [row['id'] for row in rows] == list(documents)
for row in rows:
    assert list(row) == ['id', 'embedding', 'lang'] or list(row) == ['id', 'embedding'], list(row)
    parts = documents[row['id']]
    vectors = [part['embedding'] for part in parts]
    if len(parts) == 1:
        assert row['embedding'] == vectors[0], row['id']
        continue
    if mode == 'mean':
        weights = [tokens[part['id']] for part in parts]
        sums = [sum(w * x for w, x in zip(weights, column)) for column in zip(*vectors)]
    else:
        sums = [max(column) for column in zip(*vectors)]
    norm = math.sqrt(sum(x * x for x in sums))
    assert max(abs(x / norm - y) for x, y in zip(sums, row['embedding'])) < 1e-6, row['id']
assert any(len(parts) > 20 for parts in documents.values())
PY
JOINED=(--chunk-tokens 24 --chunk-prefix title --keep lang --chunk-overlap 20%)
for mode in mean max; do
  encode "join-$mode" long.jsonl "${JOINED[@]}" --chunk-join $mode
  run 0 verify "join-$mode"
  vectors "join-$mode" >joined.jsonl
  python3 join.py rows.jsonl joined.jsonl $mode || fail "--chunk-join $mode"
  check_json "join-$mode/report.json" 'd["counts"]["rows"] == d["counts"]["texts"] == 63 and d["chunks"]["chunks"] > 300'
  encode join-other long.jsonl "${JOINED[@]}" --chunk-join $mode --threads 1 --window 7 --batch-size 3 --overwrite
  same "join-$mode/data/part-00000.parquet" join-other/data/part-00000.parquet "joined rows and other windows"
done
for k in 1 2; do run 0 encode -m "$MODEL" -o join-parts long.jsonl "${JOINED[@]}" --chunk-join max --part $k/2 --unit 4K -q; done
run 0 merge join-parts
vectors join-parts >joined_parts.jsonl
same joined.jsonl joined_parts.jsonl "joined rows in parts"
for to in npy jsonl arrow; do encode "join-$to" long.jsonl "${JOINED[@]}" --chunk-join max --to $to; done
same joined.jsonl join-jsonl/embeddings.jsonl
check_jsonl join-npy/ids.jsonl '[r["n_tokens"] for r in d] == [sum(c["n_tokens"] for c in map(json.loads, open("matrix/ids.jsonl")) if c["doc_id"] == r["id"]) for r in d]'
encode join-int8 long.jsonl "${JOINED[@]}" --chunk-join mean --dtype int8
run 0 verify join-int8
run 0 search join-mean "stone water light." -k 3
run 2 encode -m "$MODEL" -o join-max long.jsonl "${JOINED[@]}" --chunk-join mean
has stderr "chunk_join was 'max' and is now 'mean' (--chunk-join)"
for head in "$SOURCE/tests/golden/heads/colbert_pylate/model" "$SOURCE/tests/golden/heads/splade_bert/model --head sparse"; do
  # shellcheck disable=SC2086
  run 2 encode -m $head -o no long.jsonl --chunk-tokens 24 --chunk-join mean
  has stderr "cannot be joined"
done

# What does not fit is refused by name.
run 2 encode -m "$MODEL" -o no long.jsonl --chunk-tokens 100000
has stderr "--chunk-tokens 100000"
run 2 encode -m "$MODEL" -o no long.jsonl --chunk-overlap 3
has stderr "--chunk-overlap is for --on-long chunk"
run 2 encode -m "$MODEL" -o no long.jsonl --on-long skip --chunk-tokens 20
has stderr "--chunk-tokens is for --on-long chunk, not skip"
run 2 encode -m "$MODEL" -o no long.jsonl --chunk-tokens 20 --chunk-overlap 60%
has stderr "half"
run 2 encode -m "$MODEL" -o no long.jsonl --chunk-tokens 20 --chunk-overlap 11
has stderr "10 tokens at most"
run 2 encode -m "$MODEL" -o no long.jsonl --chunk-tokens 20 --chunk-overlap few
has stderr "--chunk-overlap few"
run 2 encode -m "$MODEL" -o no long.jsonl --chunk-tokens 9
has stderr "must be left for text"
run 2 encode -m "$MODEL" -o no long.jsonl "${CHUNKS[@]}" --keep text
has stderr "kept field 'text'"
[[ ! -e no ]] || fail "a refused run leaves something behind"
cat >odd.jsonl <<'EOF'
{"id":"a","text":"short"}
{"id":"b","text":"short","title":"a title of so many words that nothing is left of a chunk for its text in the end"}
{"id":"c","input_ids":[2,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,5,3]}
EOF
encode odd odd.jsonl "${CHUNKS[@]}"
check_jsonl odd/rejects.jsonl '["--chunk-prefix" in d[0]["reason"], "26 token ids" in d[1]["reason"], len(d)] == [True, True, 2]'
check_json odd/report.json '[d["counts"][k] for k in ("texts", "rows", "rejected")] == [1, 1, 2]'

# Every family at its limit, with prompt and prefix: no row is truncated, whatever the tokenizer.
python3 - >vocab.txt <<'PY'
print('\n'.join(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', *'abcdefghijklmnopqrstuvwxyz', *('##' + c for c in 'aeinorstlhdumcgyw')]))
PY
for family in bert distilbert roberta camembert xlm_roberta albert electra mpnet jina nomic gte gte_new modernbert qwen3 llama t5; do
  cp -r "$SOURCE/tests/golden/data/$family/model" "family-$family"
  compgen -G "family-$family/*token*" >found || compgen -G "family-$family/*vocab*" >found || cp vocab.txt "family-$family/"
  limit=()
  case $family in nomic | t5) limit=(--chunk-tokens 64) ;; esac
  run 0 encode -m "family-$family" long.jsonl -o "of-$family" --to npy --on-long chunk "${limit[@]}" \
    --prompt 'query: ' --chunk-prefix title --chunk-overlap 10%
  n=$(json "of-$family/report.json" 'd["settings"]["chunk_tokens"]')
  check_jsonl "of-$family/ids.jsonl" "len(d) > 100 and not any(r['truncated'] or r['n_tokens'] > $n for r in d)"
  check_jsonl "of-$family/ids.jsonl" "max(r['n_tokens'] for r in d) > 0.8 * $n"
  check_json "of-$family/report.json" 'd["counts"]["rejected"] == 0'
done

# Heads with many vectors or with weights: a chunk is a text there as well.
heads=$SOURCE/tests/golden/heads
for head in "$heads/colbert_pylate/model" "$heads/splade_bert/model --head sparse"; do
  # shellcheck disable=SC2086
  run 0 encode -m $head -o "kind-${#head}" long.jsonl --chunk-tokens 24 --chunk-text
  run 0 verify "kind-${#head}"
  run 0 export "kind-${#head}" --to arrow -o kind.arrow --overwrite
  vectors "kind-${#head}" >kind.jsonl
  check_jsonl kind.jsonl 'len(d) > 200 and all(r["id"] == r["doc_id"] + "#" + str(r["chunk"]) for r in d)'
done
