#!/usr/bin/env bash
# Very many files in one run: a folder, the same names in a list, each file a record; memory does not
# grow with the number of files beyond their names. EMBEDTOOL_TEST_FILES sets the number.
count=${EMBEDTOOL_TEST_FILES:-20000}
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

# Links to a few files: names are what counts here.
python3 - "$count" <<'PY'
import os, sys
count = int(sys.argv[1])
os.makedirs("texts")
for i in range(100):
    with open(f"texts/{i}", "w") as f: f.write(f"word {i}\n")
for i in range(count):
    folder = f"docs/{i // 1000:04}"
    if i % 1000 == 0: os.makedirs(folder)
    os.link(f"texts/{i % 100}", f"{folder}/document-{i:07}.txt")
PY

# peak NAME: the report's peak memory in MB.
peak() { json "$1/report.json" 'd["memory_peak_mb"]'; }

encode_files() { run 0 encode -q -m builtin --dims 16 --format file "$@"; }
encode_files -o few docs/0000
encode_files -o all docs
equal "$(json all/manifest.json 'd["rows"]')" "$count" rows
equal "$(json all/manifest.json 'len(d["inputs"])')" 1 "entries for the folder"
equal "$(json all/manifest.json 'd["inputs"][0]["files"]')" "$count" files
[[ $(wc -c <all/manifest.json) -lt 20000 ]] || fail "the manifest grows with the number of files"
echo "peak $(peak few) MB with 1000 files, $(peak all) MB with $count"
# 64 bytes a name, and what a larger window of records takes.
python3 -c 'import sys; few, many, n = map(float, sys.argv[1:]); sys.exit(many > few + 60 + n * 64e-6)' \
  "$(peak few)" "$(peak all)" "$count" || sanitized || fail "memory grows with the number of files"
run 0 encode -m builtin --dims 16 --format file -o all docs
has stderr "up to date"

find docs -type f -print0 | LC_ALL=C sort -z >names
encode_files -o listed -0 --files-from names
run 0 export all --to jsonl -o -
cp stdout wanted
run 0 export listed --to jsonl -o -
same stdout wanted "a list of the same files"
equal "$(head -n 1 stdout | grep -o '"id":"[^"]*"')" '"id":"docs/0000/document-0000000.txt"'
