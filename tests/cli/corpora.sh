#!/usr/bin/env bash
# Every corpus of the development data encodes: rows are records, in order, ids kept, and no reject
# that is not truly a bad record. With the default model, so that it takes seconds.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

[[ -d $SHARED/data/corpora ]] || skip "no $SHARED/data/corpora"

unpacked() { case $1 in *.zst) zstd -dqc "$1" ;; *) cat "$1" ;; esac; }

# ids FILE: what the records' ids must be.
ids() {
  unpacked "$1" | python3 -c '
import json, sys
n = 0
for line in sys.stdin:
    if not line.strip(): continue
    r = json.loads(line)
    print(json.dumps(str(r.get("id", r.get("_id", r.get("put", n))))))
    n += 1'
}

count=0
check() { # FILE ARGUMENT…
  local file=$1
  shift
  run 0 encode -q -o out --overwrite "$file" "$@"
  "$BIN" export out --to jsonl -o - | python3 -c '
import json, sys
for line in sys.stdin: print(json.dumps(json.loads(line)["id"]))' >got
  ids "$file" >wanted
  same wanted got "ids of $file"
  check_json out/report.json 'd["counts"]["rejected"] == 0'
  run 0 verify out
  count=$((count + 1))
}

for file in "$SHARED"/data/corpora/*.jsonl*; do
  check "$file" --dims 16
done
# Feeds as they were published: texts in nested objects and arrays.
feeds=$SHARED/data/corpora/feeds_raw
feed() { [[ -f $feeds/$1 ]] && check "$feeds/$1" --dims 16 --id-field put "${@:2}"; }
feed examples__mcp-server-app__dataset__candidates.jsonl --text-field fields.candidate_summary
feed examples__mcp-server-app__dataset__jobs.jsonl --text-field fields.title \
  --text-field fields.description --keep fields.company
feed examples__part-purchases-demo__ext__feed.jsonl --text-field fields.item
feed multi-vector-indexing__ext__articles.jsonl.zst --text-field /fields/title \
  --text-field /fields/paragraphs --join ' / '
feed rag-blueprint__dataset__docs.jsonl --text-field fields.text
for file in "$SHARED"/data/ir/*/corpus.jsonl* "$SHARED"/data/ir/*/queries.jsonl*; do
  [[ -f $file ]] && check "$file" --dims 16
done
echo "$count corpora"
