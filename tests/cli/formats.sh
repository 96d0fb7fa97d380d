#!/usr/bin/env bash
# Every input format, from a file and from standard input, plain and compressed, gives the same ids
# and the same vectors; several inputs are one corpus.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 60 >base.jsonl
python3 - <<'PY'
import csv, gzip, json
rows = [json.loads(line) for line in open('base.jsonl')]
for name, delimiter in (('base.csv', ','), ('base.tsv', '\t')):
    with open(name, 'w', newline='') as f:
        out = csv.writer(f, delimiter=delimiter)
        out.writerow(['lang', 'text', 'id'])
        for r in rows:
            out.writerow([r['lang'], r['text'], r['id']])
with open('base.txt', 'w') as f:
    f.writelines(r['text'] + '\n' for r in rows)
lines = open('base.jsonl', 'rb').read().splitlines(True)
with open('base.jsonl.gz', 'wb') as f:  # two members, one file
    f.write(gzip.compress(b''.join(lines[:25])) + gzip.compress(b''.join(lines[25:])))
with open('crlf.jsonl', 'wb') as f:
    f.write(b'\xef\xbb\xbf' + b''.join(l.replace(b'\n', b'\r\n') for l in lines))
with open('nested.jsonl', 'w') as f:
    f.writelines(json.dumps({'doc': {'body': [r['text']]}, 'key': r['id']}) + '\n' for r in rows)
with open('first.jsonl', 'wb') as f: f.write(b''.join(lines[:25]))
with open('second.jsonl', 'wb') as f: f.write(b''.join(lines[25:]).rstrip(b'\n'))
PY

encode base base.jsonl
vectors base >base.vectors
equal "$(lines base.vectors)" 60 "rows"
check_jsonl base.vectors '[r["id"] for r in d] == ["r%d" % i for i in range(60)]'

# agrees NAME ARGUMENT…: the output has the ids and vectors of the base.
agrees() {
  encode "$@"
  vectors "$1" >"$1.vectors"
  same base.vectors "$1.vectors"
}
agrees csv base.csv
agrees tsv base.tsv
agrees gzip base.jsonl.gz
agrees crlf crlf.jsonl
agrees two first.jsonl second.jsonl
agrees nested nested.jsonl --text-field doc.body.0 --id-field key
agrees pointer nested.jsonl --text-field /doc/body --id-field /key
agrees stdin-jsonl - <base.jsonl
agrees stdin-bare <base.jsonl
agrees stdin-gzip - <base.jsonl.gz
agrees stdin-csv --format csv - <base.csv
agrees stdin-tsv --format tsv - <base.tsv
agrees forced --format jsonl base.jsonl
agrees mixed first.jsonl - <second.jsonl
if command -v zstd >/dev/null; then
  { head -n 25 base.jsonl | zstd -qc; tail -n +26 base.jsonl | zstd -qc; } >base.jsonl.zst
  agrees zstd base.jsonl.zst
  agrees stdin-zstd - <base.jsonl.zst
  agrees two-kinds first.jsonl <(tail -n +26 base.jsonl | zstd -qc) --format jsonl
fi

# Plain text has row numbers for ids.
encode text base.txt
vectors text >text.vectors
check_jsonl text.vectors '[r["id"] for r in d] == [str(i) for i in range(60)]'
python3 - <<'PY' || fail "vectors of plain text differ from those of JSONL"
import json
a, b = ([json.loads(l)['embedding'] for l in open(n)] for n in ('base.vectors', 'text.vectors'))
assert a == b
PY
encode text-stdin - <base.txt
vectors text-stdin >text-stdin.vectors
same text.vectors text-stdin.vectors

# Ready token ids and ready vectors beside texts.
run 0 tokenize base.jsonl -m "$MODEL"
cp stdout ids.jsonl
agrees ids ids.jsonl
python3 - <<'PY'
import json
out = open('three.jsonl', 'w')
for i, (text, ids, row) in enumerate(zip(open('base.jsonl'), open('ids.jsonl'), open('base.vectors'))):
    text, ids, row = json.loads(text), json.loads(ids), json.loads(row)
    kinds = [{'text': text['text']}, {'input_ids': ids['input_ids']}, {'v': row['embedding']}]
    out.write(json.dumps({'id': text['id'], **kinds[i % 3]}) + '\n')
PY
encode three three.jsonl --vector-field v
vectors three >three.vectors
same base.vectors three.vectors "text, ids and vectors mixed"
