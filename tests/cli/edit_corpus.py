"""Two versions of a corpus: edit_corpus.py SEED OLD.jsonl NEW.jsonl writes last night's records, and
tonight's after a random edit script: inserts, deletes, moves, changed texts and fields, equal texts,
doubled ids, empty texts. Some scripts empty the corpus, or fill an empty one."""
import json
import random
import sys

seed, old_path, new_path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
rng = random.Random(seed)
WORDS = 'the a of river stone light house walks under over green seven ideas about water and music'.split()


def text():
    if rng.random() < 0.05:
        return rng.choice(['', 'the same text', 'another text'])
    return ' '.join(rng.choice(WORDS) for _ in range(rng.choice([1, 3, 8, 20, 60])))


def record(number):
    return {'id': f'r{number}', 'text': text(), 'lang': rng.choice(['en', 'de', 'fr'])}


size = rng.choice([0, 1, 50, 400, 900])
old = [record(i) for i in range(size)]
for row in rng.sample(old, len(old) // 40):
    row['id'] = rng.choice(old)['id']  # a doubled id
new = [dict(row) for row in old]
number = size
share = rng.choice([0.0, 0.01, 0.2, 1.0])
for _ in range(int(share * len(new)) + rng.choice([0, 1, 3])):
    edit = rng.choice(['insert', 'delete', 'text', 'field', 'move', 'copy text', 'double id', 'block'])
    at = rng.randrange(len(new) + 1)
    if edit == 'insert':
        new.insert(at, record(number))
        number += 1
    elif at == len(new):
        continue
    elif edit == 'delete':
        del new[at]
    elif edit == 'text':
        new[at]['text'] = text()
    elif edit == 'field':
        new[at]['lang'] = rng.choice(['en', 'de', 'fr'])
    elif edit == 'move':
        row = new.pop(at)
        new.insert(rng.randrange(len(new) + 1), row)
    elif edit == 'copy text':
        new[at]['text'] = rng.choice(new)['text']
    elif edit == 'double id':
        new[at]['id'] = rng.choice(new)['id']
    else:
        end = rng.randrange(at, len(new) + 1)
        part = new[at:end]
        del new[at:end]
        if rng.random() < 0.7:
            new = part + new
last = rng.random()
if last < 0.1:
    rng.shuffle(new)
elif last < 0.15:
    new = []
elif last < 0.2:
    old = []
for path, rows in ((old_path, old), (new_path, new)):
    with open(path, 'w', encoding='utf-8') as file:
        for row in rows:
            print(json.dumps(row), file=file)
