#!/usr/bin/env bash
# Late chunking: the model reads a document, and each chunk has the average of its tokens. The expected
# vectors are in float64, from tests/golden/makers/make_golden_late.py.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

LATE=(--chunk-pooling late --max-length 64)
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' {a..z} >vocab.txt
cat >compare.py <<'PY'
import json, math, sys
expected = {f'd{i}': case['rows'] for i, case in enumerate(json.load(open(sys.argv[1]))) if case['chunk_tokens'] == int(sys.argv[2])}
rows = [json.loads(line) for line in open('rows.jsonl')]
tokens = [json.loads(line)['n_tokens'] for line in open('npy/ids.jsonl')]
assert [r['id'] for r in rows] == [f'{d}#{k}' for d, chunks in expected.items() for k in range(len(chunks))]
worst = 1
for row, n in zip(rows, tokens, strict=True):
    want = expected[row['doc_id']][row['chunk']]
    assert (row['start_char'], row['end_char'], n) == (want['start_char'], want['end_char'], want['n_tokens']), row['id']
    dot = sum(x * y for x, y in zip(row['embedding'], want['embedding']))
    worst = min(worst, dot / math.sqrt(sum(x * x for x in row['embedding'])))
print(f'{len(rows)} chunks, 1 - cosine at most {1 - worst:.1e}')
assert worst > 0.99999
PY
for name in modernbert jina; do
  golden=$SOURCE/tests/golden/late/$name.json
  cp -r "$SOURCE/tests/golden/data/$name/model" "$name"
  cp vocab.txt "$name"
  for tokens in 20 33 64; do
    python3 -c 'import json, sys
for i, case in enumerate(json.load(open(sys.argv[1]))):
    if case["chunk_tokens"] == int(sys.argv[2]): print(json.dumps({"id": f"d{i}", "text": case["text"]}))' "$golden" $tokens >documents.jsonl
    SETTINGS=(-m "$name" documents.jsonl "${LATE[@]}" --chunk-tokens "$tokens" --overwrite)
    run 0 encode -o late "${SETTINGS[@]}"
    run 0 encode -o npy "${SETTINGS[@]}" --to npy
    vectors late >rows.jsonl
    python3 compare.py "$golden" $tokens || fail "$name, chunks of $tokens"
    run 0 verify late
    for more in "--threads 1 --window 1" "--threads 2 --window 3 --batch-size 2"; do
      # shellcheck disable=SC2086
      run 0 encode -o other "${SETTINGS[@]}" $more
      same late/data/part-00000.parquet other/data/part-00000.parquet "$name, chunks of $tokens, $more"
    done
  done
done

# A document of one chunk has the vector and the hash of the plain text, to the last bit; equal
# documents have equal rows; ready ids are read as they are.
python3 - <<'PY'
import json, random
random.seed(5)
with open('mixed.jsonl', 'w') as out:
    for i in range(60):
        n = random.choice([0, 1, 3, 12, 60])
        text = ' '.join(' '.join(random.choices('abcdefgxyz', k=random.randint(1, 9))).capitalize() + '.' for _ in range(n))
        out.write(json.dumps({'id': f'd{i}', 'text': text, 'lang': 'en'}) + '\n')
        if i % 7 == 0:
            out.write(json.dumps({'id': f'twin{i}', 'text': text}) + '\n')
    out.write(json.dumps({'id': 'ids', 'input_ids': [2, 7, 8, 3]}) + '\n')
    out.write(json.dumps({'id': 'blank', 'text': ' \n' * 300}) + '\n')
PY
for model in "$MODEL" jina "$SOURCE/tests/golden/data/dense_tanh_identity/model"; do
  cp -r "$model" one
  compgen -G "one/*vocab*" >found || compgen -G "one/*tokenizer*" >found || cp vocab.txt one
  MIXED=(-m one mixed.jsonl --chunk-tokens 24 --prompt 'q: ' --chunk-text)
  run 0 encode -o late "${MIXED[@]}" --chunk-pooling late --keep lang --max-length 60 --overwrite
  run 0 encode -o plain "${MIXED[@]}" --chunk-pooling own --max-length 60 --overwrite
  run 0 verify late
  run 0 export late --to jsonl -o late.jsonl --overwrite
  run 0 export plain --to jsonl -o plain.jsonl --overwrite
  python3 - <<'PY' || fail "$model: late and own chunks"
import json
late, plain = ({r['id']: r for r in map(json.loads, open(f))} for f in ('late.jsonl', 'plain.jsonl'))
assert list(late) == list(plain)
texts = {d['id']: d.get('text', '') for d in map(json.loads, open('mixed.jsonl'))}
same = differ = 0
for id, row in late.items():
    assert {k: v for k, v in row.items() if k not in ('embedding', 'lang')} == {k: v for k, v in plain[id].items() if k != 'embedding'}, id
    assert row['text'] == texts[row['doc_id']][row['start_char']:row['end_char']]
    assert row.get('lang') == (None if row['doc_id'][0] != 'd' else 'en'), id
    if row['chunks'] == 1:
        assert row['embedding'] == plain[id]['embedding'], id
        same += 1
    else:
        assert row['embedding'] != plain[id]['embedding'], id
        differ += 1
    twin = id.replace('twin', 'd')
    assert row['embedding'] == late[twin]['embedding'], id
assert same > 20 and differ > 50, (same, differ)
PY
  rm -r one
done

# In parts, as Arrow, joined; a run that goes on.
cp -r jina one
MIXED=(-m one mixed.jsonl --chunk-tokens 24 --chunk-pooling late --max-length 60)
run 0 encode -o whole "${MIXED[@]}"
vectors whole >whole.jsonl
for k in 1 2; do run 0 encode -o parts "${MIXED[@]}" --part $k/2 --unit 4K -q; done
run 0 merge parts
vectors parts >parts.jsonl
same whole.jsonl parts.jsonl "late chunks in parts"
run 0 encode -o lines "${MIXED[@]}" --to jsonl
same whole.jsonl lines/embeddings.jsonl
run 0 encode -o joined "${MIXED[@]}" --chunk-join mean
run 0 verify joined
check_json joined/report.json 'd["counts"]["rows"] == d["counts"]["texts"] and d["chunks"]["chunks"] > d["counts"]["rows"]'
run 0 search whole "a b c." -k 2
run 2 encode -o whole "${MIXED[@]:0:5}" --max-length 60
has stderr "chunk_pooling was 'late'"

# What does not fit is refused by name.
run 2 encode -o no "${MIXED[@]}" --chunk-overlap 3
has stderr "--chunk-overlap and --chunk-pooling late"
run 2 encode -o no "${MIXED[@]}" --chunk-prefix lang
has stderr "--chunk-prefix and --chunk-pooling late"
run 2 encode -o no "${MIXED[@]}" --vector-field v
has stderr "--vector-field and --chunk-pooling late"
run 2 encode -o no "${MIXED[@]}" --reuse whole
has stderr "--reuse and --chunk-pooling late"
run 2 encode -o no -m one mixed.jsonl --chunk-pooling late
has stderr "--chunk-pooling is for --on-long chunk"
run 2 encode -o no "${MIXED[@]}" --pooling cls
has stderr "does not average all tokens"
run 2 encode -o no -m builtin-fast mixed.jsonl --chunk-tokens 24 --chunk-pooling late
has stderr "static model"
[[ ! -e no ]] || fail "a refused run leaves something behind"
