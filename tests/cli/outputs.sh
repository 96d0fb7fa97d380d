#!/usr/bin/env bash
# Output formats, element types, dimensions, kept fields; what exists already is not overwritten.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

corpus 50 >in.jsonl
encode full in.jsonl --keep lang --keep nowhere
run 0 verify full
run 0 info full
has stdout "50"
run 0 info full --json
check_json stdout 'd["rows"] == 50'
vectors full >full.vectors

# To standard output, in input order, the same vectors; nothing else on standard output.
run 0 encode -m "$MODEL" --to jsonl -o - --keep lang --keep nowhere in.jsonl
same stdout full.vectors "--to jsonl -o - equals the export"
encode lines --to jsonl in.jsonl --keep lang,nowhere
same lines/embeddings.jsonl full.vectors
run 0 encode -m "$MODEL" -o - in.jsonl --keep lang,nowhere
same stdout full.vectors "-o - alone"
run 2 encode -m "$MODEL" -o - --to npy in.jsonl
has stderr "--to jsonl or arrow"
check_jsonl full.vectors 'all(r["lang"] in ("en", "de") and r["nowhere"] is None for r in d)'

# Arrow, as a file and as a stream, holds the same rows: read back, they are the same lines.
encode record --to arrow in.jsonl --keep lang,nowhere
run 0 verify record
back() { "$BIN" encode -q -m "$MODEL" "$1" --vector-field embedding --keep lang,nowhere -o -; }
back record/embeddings.arrow | cmp - full.vectors || fail "--to arrow: other rows"
"$BIN" encode -q -m "$MODEL" in.jsonl --keep lang,nowhere --to arrow -o - | back - | cmp - full.vectors ||
  fail "--to arrow -o -: other rows"

# Exports.
run 0 export full --to npy -o vectors.npy
has stderr "of 50 rows; beside it ./vectors.ids.jsonl"
encode direct --to npy in.jsonl
same vectors.npy direct/embeddings.npy "npy by export and by encode"
run 0 verify direct
run 0 export full --to parquet -o one.parquet
for format in arrow csv pgcopy faiss fvecs; do
  run 0 export full --to "$format" -o "one.$format"
  run 0 export full --to "$format" -o -
  [[ $format == arrow ]] || same stdout "one.$format" "$format by name and by pipe"
done
run 0 export full --to pgcopy -o named.pgcopy
has stderr "CREATE TABLE items (id text, embedding vector("
run 2 export full --to bvecs -o one.bvecs
has stderr "--dtype int8"
run 0 export full --to jsonl --embedding-as base64 -o base64.jsonl
run 2 export full --to csv --embedding-as base64 -o -
has stderr "--embedding-as is for --to jsonl"
python3 - <<'PY' || fail "the exports do not hold the same vectors"
import base64, csv, json, struct
rows = [json.loads(l) for l in open('full.vectors')]
dims = len(rows[0]['embedding'])
coded = [json.loads(l) for l in open('base64.jsonl')]
table = list(csv.DictReader(open('one.csv', newline='')))
copied = open('one.pgcopy', 'rb').read()
index = open('one.faiss', 'rb').read()
assert copied[:19] == b'PGCOPY\n\xff\r\n\0' + bytes(8) and copied[-2:] == b'\xff\xff'
for i, row in enumerate(rows):
    stored = struct.pack('<%df' % dims, *row['embedding'])
    assert base64.b64decode(coded[i]['embedding']) == stored
    assert table[i]['id'] == row['id'] and json.loads(table[i]['embedding']) == row['embedding']
    assert table[i]['lang'] == row['lang'] and table[i]['nowhere'] == ''
    vector = struct.pack('>HH%df' % dims, dims, 0, *row['embedding'])
    text = row['id'].encode()
    start = struct.pack('>Hi', 4, len(text)) + text + struct.pack('>i', len(vector)) + vector
    assert start in copied
    assert index[len(index) - (len(rows) - i) * len(stored):][:len(stored)] == stored
PY
# Ids as UUIDs, and rows numbered as npy and faiss number them.
for format in jsonl csv pgvector; do
  run 0 export full --to $format --id-type uuid --row-numbers -o "uuid.$format"
done
has stderr 'CREATE TABLE items (id uuid, embedding vector('
has stderr '"nowhere" text, "row" bigint)'
run 0 export full --id-type uuid -o uuid.npy
same uuid.npy vectors.npy "npy with other ids"
python3 - <<'PY' || fail "ids as UUIDs, or numbers of rows"
import csv, json, struct, uuid
rows = [json.loads(l) for l in open('full.vectors')]
lines = [json.loads(l) for l in open('uuid.jsonl')]
table = list(csv.DictReader(open('uuid.csv', newline='')))
copied = open('uuid.pgvector', 'rb').read()
named = [json.loads(l) for l in open('uuid.ids.jsonl')]
for i, row in enumerate(rows):
    id = uuid.uuid5(uuid.NAMESPACE_URL, row['id'])
    assert lines[i] == row | {'id': str(id), 'row': i}, lines[i]
    assert (table[i]['id'], table[i]['row']) == (str(id), str(i))
    assert str(id) in json.dumps(named[i])
    assert struct.pack('>Hi', 5, 16) + id.bytes in copied
    assert struct.pack('>iq', 8, i) in copied
PY
for format in faiss npy; do
  run 2 export full --to $format --row-numbers -o x
  has stderr "--row-numbers: $format holds nothing beside vectors"
done
run 2 export full --to fvecs --id-type uuid -o x
has stderr "fvecs holds no ids"
python3 - <<'PY' || fail "vectors.npy is not what the lines say"
import ast, json, struct
raw = open('vectors.npy', 'rb').read()
assert raw[:6] == b'\x93NUMPY'
size = struct.unpack('<H', raw[8:10])[0]
head = ast.literal_eval(raw[10:10 + size].decode())
rows = [json.loads(l)['embedding'] for l in open('full.vectors')]
assert head == {'descr': '<f4', 'fortran_order': False, 'shape': (50, len(rows[0]))}, head
values = struct.unpack('<%df' % (50 * len(rows[0])), raw[10 + size:])
flat = [x for row in rows for x in row]
assert all(struct.pack('<f', a) == struct.pack('<f', b) for a, b in zip(values, flat))
PY
run 0 export full --to fvecs -o vectors.fvecs
run 2 export full --to npy -o vectors.npy
has stderr "--overwrite"
run 0 export full --to npy -o vectors.npy --overwrite
same vectors.npy direct/embeddings.npy
run 1 export nowhere --to npy -o x.npy
# Without --to, the file's suffix says what is meant.
run 0 export full -o suffix.npy
same suffix.npy vectors.npy
run 2 export full -o vectors.bin
has stderr "-o vectors.bin: does not name a format; give one with --to (npy, jsonl, "
run 2 export full -o -
has stderr "give one with --to"

# Matryoshka: the first dimensions, normalized again.
encode cut in.jsonl --dims 8
vectors cut >cut.vectors
python3 - <<'PY' || fail "--dims 8 is not the normalized beginning of the full vector"
import json, math
for a, b in zip(open('full.vectors'), open('cut.vectors')):
    a, b = json.loads(a)['embedding'][:8], json.loads(b)['embedding']
    n = math.sqrt(math.fsum(x * x for x in a))
    # two roundings to f32 of numbers below 1: 2 ulp of 2^-24
    assert len(b) == 8 and all(abs(x / n - y) < 4 * 2 ** -24 for x, y in zip(a, b))
PY
run 2 encode -m "$MODEL" -o x --dims 100000 in.jsonl
has stderr "--dims"

# Element types: rows stay, sizes shrink, values agree within the type's step.
for dtype in f16 int8 binary; do
  encode "$dtype" in.jsonl --dtype "$dtype"
  run 0 verify "$dtype"
  run 0 info "$dtype" --json
  check_json stdout "d['rows'] == 50 and d['dtype'] == '$dtype'"
done
vectors f16 >f16.vectors
python3 - <<'PY' || fail "f16 vectors are not the f32 vectors rounded"
import json, struct
def rounded(kind, x): return struct.unpack(kind, struct.pack(kind, x))[0]
for a, b in zip(open('full.vectors'), open('f16.vectors')):
    for x, y in zip(json.loads(a)['embedding'], json.loads(b)['embedding']):
        assert rounded('<e', rounded('<f', x)) == rounded('<f', y)
PY

# Shards: rows are cut where asked, and join to the same.
encode shards in.jsonl --shard-rows 20 --keep lang,nowhere
equal "$(find shards -name 'part-*.parquet' | wc -l | tr -d ' ')" 3 "shards"
vectors shards >shards.vectors
same full.vectors shards.vectors

# Row groups of another size: other bytes, the same rows. A complete output is good all the same.
encode groups in.jsonl --row-group 64K --keep lang,nowhere
vectors groups >groups.vectors
same full.vectors groups.vectors
run 0 encode -m "$MODEL" -o groups in.jsonl --keep lang,nowhere
has stderr "row_group is 65536 there, not 16777216"
# The same for how vectors are stored.
encode split in.jsonl --encoding split --vector-type list --keep lang,nowhere
vectors split >split.vectors
same full.vectors split.vectors
run 0 verify split
run 0 encode -m "$MODEL" -o split in.jsonl --keep lang,nowhere
has stderr "encoding is split there, not plain, vector_type is list there, not fixed"
# A default that is spelt out is the default: there is nothing left to do.
cp full/manifest.json manifest-before
encode full in.jsonl --row-group 16M --shard-rows 65536 --keep lang,nowhere
same full/manifest.json manifest-before
run 2 encode -m "$MODEL" -o none in.jsonl --row-group 1K
has stderr "64K to 1G"
run 2 encode -m "$MODEL" -o none in.jsonl --row-group 1M --to npy
has stderr "--row-group is for --to parquet"

# What exists is not overwritten, and stays whole.
cp full/manifest.json manifest-before
run 2 encode -m "$MODEL" -o full in.jsonl
has stderr "--overwrite"
same full/manifest.json manifest-before
head -n 5 in.jsonl >five.jsonl
encode full five.jsonl --overwrite
run 0 verify full
equal "$(vectors full | wc -l | tr -d ' ')" 5 "rows after --overwrite"
mkdir stranger && echo mine >stranger/thesis.txt
run 2 encode -m "$MODEL" -o stranger in.jsonl --overwrite
equal "$(cat stranger/thesis.txt)" mine "a stranger's file"

# Places that cannot be written.
run 1 encode -m "$MODEL" -o in.jsonl five.jsonl
run 1 encode -m "$MODEL" -o five.jsonl/out five.jsonl
if [[ $(id -u) -ne 0 ]]; then
  mkdir locked && chmod a-w locked
  run 1 encode -m "$MODEL" -o locked/out five.jsonl
  has stderr "locked"
fi
if [[ -w /dev/full ]]; then
  code=0
  "$BIN" encode -m "$MODEL" -o - --to jsonl in.jsonl >/dev/full 2>stderr || code=$?
  equal "$code" 1 "exit status on a full device"
  has stderr "embedtool: error:"
  code=0
  "$BIN" --help >/dev/full 2>stderr || code=$?
  equal "$code" 1 "exit status of --help on a full device"
fi

# A damaged shard is found.
encode damaged in.jsonl
python3 - <<'PY'
with open('damaged/data/part-00000.parquet', 'r+b') as f:
    f.seek(200); byte = f.read(1); f.seek(200); f.write(bytes([byte[0] ^ 1]))
PY
run 1 verify damaged
has stderr "data/part-00000.parquet"
