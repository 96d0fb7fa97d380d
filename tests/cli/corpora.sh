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
    print(json.dumps(str(r.get("id", r.get("_id", n)))))
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
  [[ $file == *bench_mixed* ]] || check "$file" --dims 16 # a sum of the others; left to bench
done
for file in "$SHARED"/data/ir/*/corpus.jsonl* "$SHARED"/data/ir/*/queries.jsonl*; do
  [[ -f $file ]] && check "$file" --dims 16
done
echo "$count corpora"
