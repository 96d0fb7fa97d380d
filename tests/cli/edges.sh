#!/usr/bin/env bash
# Corpora at the edge: empty, one text, all texts equal, empty texts, a very long one, bad records.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

# Nothing at all.
: >empty
encode none empty
run 0 verify none
run 0 info none --json
check_json stdout 'd["rows"] == 0'
encode none-stdin - <empty
run 0 encode -m "$MODEL" --to jsonl -o - empty
equal "$(lines stdout)" 0 "lines of an empty corpus"
echo '{"id": "x", "text": "a first line"}' >one.jsonl

# One text.
encode one one.jsonl
vectors one >one.vectors
equal "$(lines one.vectors)" 1 "rows"
check_jsonl one.vectors 'abs(math.fsum(x * x for x in d[0]["embedding"]) - 1) < 1e-5'

# All texts equal: computed once, written often.
for i in $(seq 300); do echo "{\"id\": \"$i\", \"text\": \"the same text\"}"; done >equal.jsonl
encode equal equal.jsonl
vectors equal >equal.vectors
check_jsonl equal.vectors 'len(d) == 300 and len({tuple(r["embedding"]) for r in d}) == 1'
check_json equal/report.json 'd["counts"]["duplicates"] == 299'

# Empty and blank texts get the vector of the special tokens: finite, and the same for both.
printf '{"id": 1, "text": ""}\n{"id": 2, "text": "  \\t "}\n{"id": 3, "text": "word"}\n' >blank.jsonl
encode blank blank.jsonl
vectors blank >blank.vectors
check_jsonl blank.vectors 'all(math.isfinite(x) for r in d for x in r["embedding"])'
check_jsonl blank.vectors 'd[0]["embedding"] == d[1]["embedding"] != d[2]["embedding"]'
run 0 encode -o - --to jsonl blank.jsonl
check_jsonl stdout 'len(d) == 3 and all(math.isfinite(x) for r in d for x in r["embedding"])'

# 100 000 characters: cut at the model's limit, marked, counted, and said.
python3 -c 'import json; print(json.dumps({"id": "long", "text": "word " * 20000}))' >long.jsonl
encode long long.jsonl one.jsonl
vectors long >long.vectors
equal "$(lines long.vectors)" 2 "rows"
check_json long/report.json 'd["counts"]["truncated"] == 1'
has stderr "--max-length"
run 3 encode -m "$MODEL" -o long-fail --on-long fail long.jsonl
encode long-skip --on-long skip long.jsonl one.jsonl
check_json long-skip/report.json 'd["counts"]["rejected"] == 1 and d["counts"]["rows"] == 1'

# Bad records: counted, written down, and the others go on.
{
  echo '{"id": "good", "text": "fine"}'
  echo '{"id": "broken", "text": '
  echo '{"id": "number", "text": 17}'
  printf '{"id": "utf8", "text": "\xff\xfe"}\n'
  echo '{"id": "nothing"}'
  echo '["not", "an", "object"]'
  echo '{"id": "good too", "text": "also fine"}'
} >bad.jsonl
encode bad bad.jsonl
vectors bad >bad.vectors
check_jsonl bad.vectors '[r["id"] for r in d] == ["good", "good too"]'
check_jsonl bad/rejects.jsonl '[r["line"] for r in d] == [2, 3, 4, 5, 6] and all(r["reason"] and r["file"] == "bad.jsonl" for r in d)'
check_json bad/report.json 'd["counts"]["rejected"] == 5'
has stderr "5 records"
run 3 encode -m "$MODEL" -o bad-fail --on-error fail bad.jsonl
has stderr "bad.jsonl:2"
[[ ! -e bad-fail/manifest.json ]] || fail "a failed run published a manifest"
encode bad-elsewhere bad.jsonl --rejects elsewhere.jsonl
equal "$(lines elsewhere.jsonl)" 5 "lines of --rejects"
[[ ! -e bad-elsewhere/rejects.jsonl ]] || fail "rejects.jsonl beside --rejects FILE"

# Model folders that cannot be used.
run 4 encode -m no-such-model -o x one.jsonl
mkdir torch-only && cp "$MODEL/config.json" torch-only/ && : >torch-only/pytorch_model.bin
run 4 encode -m torch-only -o x one.jsonl
has stderr "safetensors"
[[ ! -e x ]] || fail "an output was made for a model that cannot be used"
