#!/usr/bin/env python3
"""Makes tests/golden/late: late chunks of a document, in float64, for a model that has ModernBERT's
shape and one that has JinaBERT's. The states of tokens are those of `Reading` in
make_golden_families.py; cutting, windows and averages are done here in the plainest way, token by token
and apart from the C++.

  make_golden_late.py      # needs numpy
"""
import json
import pathlib
import random

import numpy as np

import make_golden_families as families

LATE = pathlib.Path(__file__).resolve().parents[1] / 'late'
VOCAB = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', *'abcdefghijklmnopqrstuvwxyz']
UNK, CLS, SEP = 1, 2, 3


def document(generator, sentences):
    """Sentences of one-letter words; the stop is a token of its own, the unknown one."""
    return ' '.join(' '.join(generator.choices(VOCAB[5:], k=generator.randint(2, 9))).capitalize() + '.'
                    for _ in range(sentences))


def sentences_of(text):
    """(begin, end, ids) of each, in characters."""
    begin, out = 0, []
    for part in text.split('. '):
        part = part if part.endswith('.') else part + '.'
        ids = [VOCAB.index(word) for word in part[:-1].lower().split()] + [UNK]
        out.append((begin, begin + len(part), ids))
        begin += len(part) + 1
    return out


def chunks_of(text, tokens):
    """Whole sentences while they fit beside [CLS] and [SEP]."""
    chunks = []
    for begin, end, ids in sentences_of(text):
        if chunks and len(chunks[-1][2]) + len(ids) + 2 <= tokens:
            first, _, so_far = chunks[-1]
            chunks[-1] = (first, end, so_far + ids)
        else:
            chunks.append((begin, end, ids))
    return chunks


def windows_of(count, room):
    """Ranges of `room` tokens that overlap by half, the last one at the document's end."""
    windows, begin = [], 0
    while begin + room < count:
        windows.append((begin, begin + room))
        begin += room // 2
    return windows + [(max(count - room, 0), count)]


def rows_of(states_of, text, chunk_tokens, limit):
    chunks = chunks_of(text, chunk_tokens)
    body = [i for _, _, ids in chunks for i in ids]
    owner = [k for k, (_, _, ids) in enumerate(chunks) for _ in ids]
    windows = windows_of(len(body), limit - 2)
    states = [states_of([CLS] + body[begin:end] + [SEP]) for begin, end in windows]

    def distance(window, at):  # from the nearest edge that the document does not have as well
        begin, end = windows[window]
        return min(at - begin + 0.5 if begin else np.inf, end - at - 0.5 if end < len(body) else np.inf)

    taken = [[] for _ in chunks]
    taken[0].append(states[0][0])
    for at, k in enumerate(owner):
        around = [w for w, (begin, end) in enumerate(windows) if begin <= at < end]
        best = max(around, key=lambda w: (distance(w, at), w))
        taken[k].append(states[best][1 + at - windows[best][0]])
    taken[-1].append(states[-1][-1])
    rows = []
    for (begin, end, _), tokens in zip(chunks, taken):
        mean = np.mean(tokens, axis=0)
        mean /= np.linalg.norm(mean)
        rows.append({'start_char': begin, 'end_char': end, 'n_tokens': len(tokens),
                     'embedding': [round(x, 12) for x in mean.tolist()]})
    return rows, len(windows)


def make(name):
    _, config, source, _ = families.CASES[name]
    reading = families.Reading(families.Weights(sum(map(ord, name))))
    generator = random.Random(name)
    cases = []
    for sentences, chunk_tokens in ((1, 20), (7, 20), (9, 64), (40, 20), (41, 33), (90, 64)):
        text = document(generator, sentences)
        rows, windows = rows_of(lambda ids: getattr(reading, source)(config, ids), text, chunk_tokens, 64)
        cases.append({'chunk_tokens': chunk_tokens, 'windows': windows, 'text': text, 'rows': rows})
        print(name, len(rows), 'chunks,', windows, 'windows')
    LATE.mkdir(exist_ok=True)
    (LATE / f'{name}.json').write_text(json.dumps(cases, separators=(',', ':')) + '\n')


if __name__ == '__main__':
    for case in ('modernbert', 'jina'):
        make(case)
