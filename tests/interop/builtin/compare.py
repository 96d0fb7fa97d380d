"""Compares `embedtool encode`'s vectors of a static model with a reading of its folder by numpy and
sentencepiece: compare.py FOLDER TEXTS OURS (JSONL with a field `text`; what embedtool made of it).

A vector is the mean of weights[t] * embeddings[t], normalised. Both sides add N products in f32, so
an element may differ by some N * 2^-24 of the row's length; 1e-5 allows for the longest texts."""
import itertools
import json
import pathlib
import struct
import sys

import numpy as np
import sentencepiece

TOLERANCE = 1e-5


def table(folder):
    """weights[t] * embeddings[t] of model.safetensors, [vocabulary, dimensions] in f64."""
    blob = (folder / 'model.safetensors').read_bytes()
    size = struct.unpack('<Q', blob[:8])[0]
    header, data = json.loads(blob[8:8 + size]), blob[8 + size:]
    kinds = {'I8': np.int8, 'F32': np.float32}
    arrays = {}
    for name in ('embeddings', 'weights'):
        low, high = header[name]['data_offsets']
        flat = np.frombuffer(data[low:high], kinds[header[name]['dtype']])
        arrays[name] = flat.reshape(header[name]['shape']).astype(np.float64)
    return arrays['embeddings'] * arrays['weights'][:, None]


def main(folder, texts, ours):
    folder = pathlib.Path(folder)
    rows = table(folder)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / 'tokenizer.model'))
    count, worst = 0, 0.0
    with open(texts, encoding='utf-8') as wanted, open(ours, encoding='utf-8') as have:
        for text, answer in itertools.zip_longest(wanted, have):
            ids = processor.encode(json.loads(text)['text']) or [0]
            mean = rows[ids].mean(axis=0)
            difference = mean / np.linalg.norm(mean) - np.array(json.loads(answer)['embedding'])
            worst = max(worst, float(np.abs(difference).max()))
            count += 1
    print(f'{folder.name}: {count} texts, {rows.shape[1]} dimensions, worst difference {worst:.1e}')
    return 0 if count and worst <= TOLERANCE else 1


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
