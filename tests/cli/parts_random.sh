#!/usr/bin/env bash
# Parts of random corpora: files of none to a few units, without a last line end, with CRLF, with lines
# longer than a unit, empty ones. Whatever the number of parts and their order, merge makes the same output,
# and its rows are a plain run's. EMBEDTOOL_TEST_CORPORA sets the number of corpora, EMBEDTOOL_TEST_SEED the
# first of them.
corpora=${EMBEDTOOL_TEST_CORPORA:-3} seed=${EMBEDTOOL_TEST_SEED:-1}
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/lib.sh" "$1"

# make SEED: a corpus in the folder `in`.
make() {
  rm -rf in
  python3 - "$1" <<'PY'
import json, os, random, sys
rng = random.Random(int(sys.argv[1]))
words = 'the a of river stone light house walks under over green seven ideas about water'.split()
os.mkdir('in')
number = 0
for f in range(rng.randint(1, 6)):
    kind = rng.choice(['jsonl', 'jsonl', 'csv'])
    end = rng.choice(['\n', '\n', '\r\n'])
    lines = ['id,text'] if kind == 'csv' else []
    size = rng.choice([0, 200, 1024, 2500, 3072])  # of units of 1024
    while sum(map(len, lines)) < size:
        number += 1
        text = ' '.join(rng.choices(words, k=rng.choice([1, 5, 20, 400 if rng.random() < 0.1 else 8])))
        if kind == 'csv':
            lines.append(f'r{number},{text}')
        else:
            lines.append(rng.choice(['', '{bad']) if rng.random() < 0.1 else json.dumps({'id': f'r{number}', 'text': text}))
    text = end.join(lines) + (end if lines and rng.random() < 0.5 else '')
    with open(f'in/{f}.{kind}', 'w', newline='') as file:
        file.write(text if size else '')
PY
}

for ((n = seed; n < seed + corpora; ++n)); do
  make "$n"
  SETTINGS=(in -m builtin-fast --no-quotes -q)
  code=0
  "$BIN" encode "${SETTINGS[@]}" -o whole --overwrite 2>stderr || code=$?
  for parts in 1 2 3 7 64; do
    rm -rf out
    for k in $(seq "$parts" | shuf --random-source="$BIN"); do
      run 0 encode "${SETTINGS[@]}" -o out --part "$k/$parts" --unit 1K --shard-rows 9
    done
    if [[ $code == 3 ]]; then # not one good record
      run 3 merge out
      continue
    fi
    equal "$code" 0 "status of the plain run of corpus $n"
    run 0 merge out
    run 0 verify out
    cmp -s <(vectors whole) <(vectors out) || fail "corpus $n, $parts parts: other rows than a plain run's"
    diff <(cat whole/rejects.jsonl 2>/dev/null) <(cat out/rejects.jsonl 2>/dev/null) ||
      fail "corpus $n, $parts parts: other rejects"
    if [[ $parts == 1 ]]; then
      data out >first
    else
      diff first <(data out) || fail "corpus $n, $parts parts: another output"
    fi
  done
done
