#!/usr/bin/env bash
# One paragraph changes in each of many long documents: a nightly run encodes the chunks it touches, and
# the feed of changes leads from the old rows to the new ones.
DOCUMENTS=${EMBEDTOOL_TEST_DOCUMENTS:-100} PARAGRAPHS=100
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

python3 - "$DOCUMENTS" $PARAGRAPHS <<'PY'
import json, random, sys
random.seed(11)
documents, paragraphs = map(int, sys.argv[1:])
words = 'the a of river stone light house walks under over green seven ideas about water and music'.split()
def paragraph():
    return ' '.join(random.choices(words, k=random.randint(12, 20))).capitalize() + '.'
with open('old.jsonl', 'w') as old, open('new.jsonl', 'w') as new:
    for i in range(documents):
        text = [paragraph() for _ in range(paragraphs)]
        print(json.dumps({'id': f'd{i}', 'text': '\n\n'.join(text), 'lang': 'en'}), file=old)
        at = random.randrange(paragraphs)
        text[at:at + 1] = random.choice([[paragraph()], [paragraph()], [], [paragraph(), paragraph()]])
        print(json.dumps({'id': f'd{i}', 'text': '\n\n'.join(text), 'lang': 'en'}), file=new)
PY
CHUNKS=(-m builtin-fast --chunk-by paragraph --chunk-tokens 24 --keep lang -q)
run 0 encode old.jsonl "${CHUNKS[@]}" -o old
run 0 encode new.jsonl "${CHUNKS[@]}" -o night --reuse old --changes changes.jsonl
run 0 encode new.jsonl "${CHUNKS[@]}" -o fresh
same night/data/part-00000.parquet fresh/data/part-00000.parquet "an output with reuse"
json night/report.json '(d["counts"]["encoded"], d["counts"]["rows"])'
check_json night/report.json "d['counts']['rows'] > 0.95 * $DOCUMENTS * $PARAGRAPHS"
check_json night/report.json "0 < d['counts']['encoded'] <= 3 * $DOCUMENTS"

# Deletes are exact: the chunks at the end of a document that has fewer now.
vectors old >old.lines
vectors night >night.lines
python3 "$SOURCE/tests/cli/apply_changes.py" old.lines night.lines changes.jsonl night/manifest.json ||
  fail "the changes do not lead to the new rows"
python3 - <<'PY' || fail "deletes"
import json
ids = {name: {json.loads(line)['id'] for line in open(f'{name}.lines')} for name in ('old', 'night')}
deleted = {change['id'] for change in map(json.loads, open('changes.jsonl')) if change['op'] == 'delete'}
assert deleted == ids['old'] - ids['night'] and deleted, len(deleted)
PY
