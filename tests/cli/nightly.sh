#!/usr/bin/env bash
# Every night: the feed of changes, the link that readers follow, and older outputs.
# EMBEDTOOL_TEST_EDITS=N sets how many random edit scripts are tried, EMBEDTOOL_TEST_KILLS=N how many
# kills, EMBEDTOOL_TEST_READERS=N how many readers follow the link, EMBEDTOOL_TEST_SEED the first.
edits=${EMBEDTOOL_TEST_EDITS:-8}
kills=${EMBEDTOOL_TEST_KILLS:-24}
readers=${EMBEDTOOL_TEST_READERS:-4}
seed=${EMBEDTOOL_TEST_SEED:-1}
RANDOM=$seed
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

# Random edits: the feed leads from the old output to the new one. Written by a run, and by diff.
for ((i = seed; i < seed + edits; ++i)); do
  python3 "$SOURCE/tests/cli/edit_corpus.py" "$i" last.jsonl now.jsonl
  if [[ ! -s last.jsonl || ! -s now.jsonl ]]; then continue; fi
  encode old last.jsonl --shard-rows 90 --keep lang
  encode new now.jsonl --shard-rows 70 --keep lang --reuse old --changes feed.jsonl
  has stderr "changes: "
  check_json new/report.json 'set(d["changes"]) == {"inserted", "updated", "deleted", "unchanged", "ambiguous"}'
  vectors old >old.lines
  vectors new >new.lines
  python3 "$SOURCE/tests/cli/apply_changes.py" old.lines new.lines feed.jsonl new/manifest.json ||
    fail "the feed of edit script $i"
  run 0 diff old new
  same feed.jsonl stdout "diff and --changes"
  run 0 diff old old
  equal "$(lines stdout)" 0 "changes between an output and itself"
  run 0 diff old new -o feed.parquet
  # Our own reader of Parquet reads it back.
  run 0 encode -o - --text-field op --keep op,what,old_hash,new_hash,shard,row feed.parquet
  python3 - <<'PY' || fail "feed.parquet holds something else than feed.jsonl"
import json
lines = [json.loads(l) for l in open('feed.jsonl')]
table = [json.loads(l) for l in open('stdout')]
assert len(lines) == len(table)
for a, b in zip(lines, table):
    for key in ('id', 'op', 'what', 'old_hash', 'new_hash', 'shard', 'row'):
        assert (None if a[key] is None else str(a[key])) == b[key], (a, b)
PY
  rm -r old new
done

# What is counted; equal texts under two ids, one of them deleted, are one delete.
cat >last.jsonl <<'LINES'
{"id":"a","text":"one","lang":"en"}
{"id":"b","text":"the same","lang":"en"}
{"id":"c","text":"the same","lang":"en"}
{"id":"d","text":"two","lang":"en"}
{"id":"e","text":"three","lang":"en"}
LINES
cat >now.jsonl <<'LINES'
{"id":"b","text":"the same","lang":"en"}
{"id":"d","text":"two","lang":"de"}
{"id":"e","text":"four","lang":"de"}
{"id":"a","text":"one more","lang":"en"}
{"id":"new","text":"one","lang":"en"}
LINES
encode old last.jsonl --keep lang
encode new now.jsonl --keep lang --reuse old --changes new/changes.jsonl --metrics-file m.prom
has stderr "changes: 1 inserted, 3 updated, 1 deleted, 1 unchanged"
check_json new/report.json 'd["changes"] == {"inserted": 1, "updated": 3, "deleted": 1, "unchanged": 1, "ambiguous": 0}'
check_jsonl new/changes.jsonl '[(r["op"], r["id"], r["what"], r["row"]) for r in d] == [("delete", "c", None, None), ("update", "d", "fields", 1), ("update", "e", "both", 2), ("update", "a", "text", 3), ("insert", "new", None, 4)]'
has m.prom 'embedtool_run_updated_rows{output="new"} 3'
run 0 verify new # the feed is a file of the output
check_json new/manifest.json '"changes.jsonl" in [f["name"] for f in d["files"]]'
# Another space has no feed; a wrong name, or no earlier output, shows before any work.
encode other now.jsonl --dims 8
run 2 diff old other
has stderr "dims was '"
run 2 encode -m "$MODEL" -o x now.jsonl --reuse old --changes feed.txt
has stderr ".parquet or .jsonl"
run 2 encode -m "$MODEL" -o x now.jsonl --changes feed.jsonl
has stderr "embedtool diff"
run 1 encode -m "$MODEL" -o x now.jsonl --reuse old --changes nowhere/feed.jsonl
[[ ! -e x ]] || fail "a refused run leaves something behind"

# The link: made, swapped, and older outputs removed, as far as they are ours to remove.
mkdir index
night() { # NAME: one night
  encode "index/$1" now.jsonl --reuse index/current --link index/current --keep-outputs 2
}
night d1
has stderr "not there yet"
equal "$(readlink index/current)" d1 "link"
night d2
equal "$(readlink index/current)" d2 "link"
encode index/other now.jsonl # never published under the link
night d3
has stderr "removed the older output"
equal "$(cd index && echo *)" "current d2 d3 other" "outputs that are left"
run 0 verify index/current
night d3 # once more: up to date, and nothing is lost
equal "$(cd index && echo *)" "current d2 d3 other" "outputs that are left"
# Someone points to d2; d3 is held by a run; d4 has a file of somebody's.
ln -s d2 index/pinned
night d4
has stderr "a link leads to it"
touch index/d4/notes.txt
python3 - index/d3 <<'PY' &
import fcntl, os, sys, time
fd = os.open(sys.argv[1] + '/.embedtool-lock', os.O_RDWR | os.O_CREAT)
fcntl.flock(fd, fcntl.LOCK_EX)
open('locked', 'w').close()
while os.path.exists('locked'): time.sleep(0.02)
os.unlink(sys.argv[1] + '/.embedtool-lock')
PY
while [[ ! -e locked ]]; do sleep 0.02; done
night d5
has stderr "a run holds it"
night d6
has stderr "it holds something else: notes.txt"
equal "$(cd index && echo *)" "current d2 d3 d4 d5 d6 other pinned" "outputs that are left"
rm locked && wait
rm index/pinned
night d7
equal "$(cd index && echo *)" "current d4 d6 d7 other" "outputs that are left"
equal "$(cat index/d4/notes.txt)" "" "a stranger's file"
# An empty corpus does not empty a live index, however often it is tried.
: >empty.jsonl
before=$(readlink index/current)
for _ in 1 2; do
  run 3 encode -m "$MODEL" -o index/none empty.jsonl --reuse index/current --link index/current
  has stderr "index/current still leads to an output with"
  equal "$(readlink index/current)" "$before" "the link, after an empty corpus"
done
# What has the link's name is not replaced.
mkdir index/folder
run 2 encode -m "$MODEL" -o index/d8 now.jsonl --link index/folder
has stderr "something else has this name"
run 2 encode -m "$MODEL" -o index/d8 now.jsonl --link nowhere/current
run 2 encode -m "$MODEL" -o index/d8 now.jsonl --keep-outputs 2
has stderr "give that link as well"
run 2 encode -m "$MODEL" -o - now.jsonl --link index/current
[[ ! -e index/d8 ]] || fail "a refused run leaves something behind"

# Readers that follow the link during fifty swaps, and kills at any instant.
python3 - "$readers" <<'PY' &
import json, os, sys, threading, time
reads, errors, overtaken = [], [], []
def read():
    count = 0
    while not os.path.exists('enough'):
        try:
            folder = os.path.realpath('index/current')
            with open(f'{folder}/manifest.json') as file: manifest = json.load(file)
            assert manifest['rows'] == 5
            for shard in manifest['shards']:
                assert os.path.getsize(f"{folder}/{shard['name']}") == shard['bytes']
            count += 1
        except Exception as error:
            # Two swaps later, which here is a moment, the output is removed.
            if os.path.realpath('index/current') != folder:
                overtaken.append(error)
                continue
            errors.append(error)
            print('reader:', repr(error))
        if int(sys.argv[1]) > 16: time.sleep(0.05)
    reads.append(count)
readers = [threading.Thread(target=read) for _ in range(int(sys.argv[1]))]
for reader in readers: reader.start()
for reader in readers: reader.join()
print(json.dumps({'readers': len(readers), 'reads': sum(reads), 'overtaken': len(overtaken), 'errors': len(errors)}), file=open('readers.json', 'w'))
PY
reader=$!
for ((i = 0; i < 50; ++i)); do night "e$((i % 4))-$i"; done
hit=0
for ((i = 0; hit < kills && i < 20 * kills; ++i)); do
  code=0
  delay=0.0$((RANDOM % 60 + 10))
  {
    timeout --foreground --preserve-status -s KILL "$delay" "$BIN" encode -q -m "$MODEL" -o "index/k$((i / 3))" now.jsonl --reuse index/current \
      --link index/current --keep-outputs 2 >/dev/null || code=$?
  } 2>stderr
  [[ $code == 0 || $code == 137 ]] || fail "exit status $code after a kill"
  [[ $code == 0 ]] || hit=$((hit + 1))
  "$BIN" verify -q index/current || fail "the link leads to no complete output after kill $hit"
done
touch enough
wait "$reader"
check_json readers.json 'd["errors"] == 0 and d["reads"] > 50'
night last
equal "$(find index -maxdepth 1 -name '.embedtool-*' | wc -l | tr -d ' ')" 0 "what kills have left"
# Complete ones among those that a kill left behind are of the same lineage, and go.
equal "$(readlink index/current)" last "link"
printf '%s kills, %s\n' "$hit" "$(cat readers.json)"
