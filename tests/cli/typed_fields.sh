#!/usr/bin/env bash
# Kept fields with a type: numbers and booleans in every output and export, checked where records are
# read, and part of what makes two runs the same.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

cat >in.jsonl <<'JSON'
{"id":"a","text":"one","n":9007199254740993,"price":0.1,"ok":true,"note":"x, y"}
{"id":"b","text":"two","n":-3.0,"price":2,"ok":"False"}
{"id":"c","text":"three","n":null,"price":"","ok":null,"note":""}
{"id":"bad","text":"four","n":1.5}
{"id":"d","text":"five","n":"12","price":NaN}
{"id":"bad","text":"six","ok":"perhaps"}
JSON
keep=(--keep "n:int64,price:double,ok:bool,note")
encode out in.jsonl "${keep[@]}"
run 0 info out
has stdout "n:int64, price:double, ok:bool, note"
check_jsonl out/rejects.jsonl 'len(d) == 2 and "1.5" in d[0]["reason"] and "perhaps" in d[1]["reason"]'
run 0 verify out
run 0 encode -m "$MODEL" in.jsonl --keep "n:int64,price:double,ok:bool,note:string" -o out
has stderr "up to date"
vectors out >rows.jsonl
expected='[(r["n"], r["price"], r["ok"], r["note"]) for r in d] == [
  (9007199254740993, 0.1, True, "x, y"), (-3, 2, False, None), (None, None, None, ""), (12, None, None, None)]'
check_jsonl rows.jsonl "$expected"

# The same rows in other formats, by encode and by export, and read back from them.
run 0 encode -m "$MODEL" in.jsonl "${keep[@]}" -o -
same stdout rows.jsonl "encode --to jsonl"
back() { "$BIN" encode -q -m "$MODEL" "$1" --vector-field embedding "${keep[@]}" -o -; }
run 0 export out --to arrow -o out.arrow
back out.arrow | cmp - rows.jsonl || fail "arrow holds other values"
back out/data/part-00000.parquet | cmp - rows.jsonl || fail "Parquet holds other values"
run 0 export out --to csv -o out.csv
back out.csv >from_csv.jsonl
# An empty cell is null where it is not quoted, and CSV tells no empty string from none.
check_jsonl from_csv.jsonl '[r["n"] for r in d] == [9007199254740993, -3, None, 12] and [r["ok"] for r in d] == [True, False, None, None]'
run 0 export out --to pgcopy -o out.pgcopy
has stderr '"n" bigint, "price" double precision, "ok" boolean, "note" text)'
python3 - <<'PY' || fail "pgcopy holds other values"
import struct
raw = open('out.pgcopy', 'rb').read()
first = struct.pack('>iq', 8, 9007199254740993) + struct.pack('>id', 8, 0.1) + b'\0\0\0\1\1' + struct.pack('>i', 4) + b'x, y'
second = struct.pack('>iq', 8, -3) + struct.pack('>id', 8, 2.0) + b'\0\0\0\1\0' + struct.pack('>i', -1)
assert first in raw and second in raw
PY
run 0 search out "three" -k 4 --json
check_jsonl stdout 'sorted((r["id"], r.get("n"), r.get("ok")) for r in d) == [
  ("a", 9007199254740993, True), ("b", -3, False), ("c", None, None), ("d", 12, None)]'

# A field of another type is another output, but its vectors can be reused.
run 2 encode -m "$MODEL" in.jsonl --keep n,price,ok,note -o out
has stderr "--keep"
encode strings in.jsonl --keep n,price,ok,note
encode typed in.jsonl "${keep[@]}" --reuse strings
has stderr "reused"
vectors typed | cmp - rows.jsonl || fail "--reuse changed typed fields"
run 0 diff strings typed -o changes.jsonl
check_jsonl changes.jsonl '{r["id"] for r in d} >= {"a", "b", "d"}'

# Parts have typed columns, too; an unknown type is refused where the field is there.
for part in 1 2; do run 0 encode -m "$MODEL" in.jsonl "${keep[@]}" --part "$part/2" --unit 1K -o parts; done
run 1 search parts "three"
has stderr "embedtool merge parts"
run 0 merge parts
vectors parts | cmp - rows.jsonl || fail "parts hold other values"
run 2 encode -m "$MODEL" in.jsonl --keep n:integer -o unknown
has stderr "'integer' is not one of the types string, int64, double, bool"
run 0 encode -m "$MODEL" in.jsonl --keep m:integer -o unknown
has stderr "has the field 'm:integer'"
run 2 encode -m "$MODEL" in.jsonl --keep n,n:int64 -o twice
has stderr "kept field 'n'"
run 2 encode -m "$MODEL" in.jsonl --keep n:integer --dry-run
has stderr "'integer' is not one of the types"
run 0 encode -m "$MODEL" in.jsonl --keep pirce --dry-run
has stderr "has the field 'pirce'"
