#!/usr/bin/env python3
"""Second readings of architectures whose own code runs nowhere near this project's tests.

Each module here reads one architecture from its published source, in float64 numpy, by someone who
did not see the C++ nor the scripts that made tests/golden: two readings that agree to 1e-8 are
unlikely to share a mistake. `--check` holds them against the committed vectors and prints, for each
case, the lowest cosine and the largest difference; exit 1 on a breach, 77 without numpy.
"""
import argparse
import json
import pathlib
import sys

try:
    import numpy as np
except ImportError:
    print('numpy is missing: readings not checked')
    sys.exit(77)

import colbert
import gemma3
import gte_new
import jina
import modernbert
import nomic
import qwen3
from arithmetic import read_safetensors

GOLDEN = pathlib.Path(__file__).resolve().parents[1]
ENCODERS = {'modernbert': modernbert, 'nomic': nomic, 'gte_new': gte_new, 'gte_new_ntk': gte_new,
            'jina': jina, 'jina_code': jina, 'qwen3': qwen3, 'gemma3_text': gemma3}
LATE_INTERACTION = ('colbert_pylate', 'colbert_stanford')
# The vectors are written with 13 digits, late interaction with 9 after the point.
TOLERANCE = 1e-8


class Worst:
    """Lowest cosine and largest difference of rows seen so far."""

    def __init__(self):
        self.cosine, self.difference, self.rows = 1.0, 0.0, 0

    def add(self, ours, theirs):
        ours, theirs = np.atleast_2d(ours), np.atleast_2d(np.array(theirs))
        if ours.shape != theirs.shape:
            raise ValueError(f'{ours.shape} vectors read, {theirs.shape} committed')
        norms = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
        self.cosine = min(self.cosine, ((ours * theirs).sum(1) / norms).min())
        self.difference = max(self.difference, np.abs(ours - theirs).max())
        self.rows += len(ours)


def check_encoder(name, module):
    folder = GOLDEN / 'data' / name
    config = json.loads((folder / 'model' / 'config.json').read_text())
    tensors = read_safetensors(folder / 'model' / 'model.safetensors')
    worst = Worst()
    for item in json.loads((folder / 'golden.json').read_text())['items']:
        states = module.hidden_states(config, tensors, np.array(item['input_ids']))
        worst.add(states.mean(0), item['pooled'])  # no modules.json: mean
        if 'token_embeddings' in item:
            worst.add(states, item['token_embeddings'])
    return worst


def check_late_interaction(name):
    folder = GOLDEN / 'heads' / name
    model, worst = colbert.ColBert(folder / 'model'), Worst()
    for item in json.loads((folder / 'golden.json').read_text())['items']:
        ids, rows = model.vectors(item['role'], item['text'])
        if ids.tolist() != item['input_ids']:
            raise ValueError(f'{item["role"]} "{item["text"]}": ids {ids.tolist()} read, '
                             f'{item["input_ids"]} committed')
        worst.add(rows, item['vectors'])
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--check', action='store_true', required=True,
                        help='compare with the committed vectors')
    parser.parse_args()
    failed = False
    results = [(name, check_encoder, (name, module)) for name, module in ENCODERS.items()]
    results += [(name, check_late_interaction, (name,)) for name in LATE_INTERACTION]
    for name, function, arguments in results:
        try:
            worst = function(*arguments)
        except ValueError as error:
            print(f'{name}: {error}')
            failed = True
            continue
        bad = not worst.difference <= TOLERANCE  # also where it is no number
        failed |= bad
        print(f'{name}: {worst.rows} vectors, cosine {worst.cosine:.15f}, '
              f'max abs {worst.difference:.2e}{"  DIFFERS" if bad else ""}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
