"""numpy opens our .npy files, and they hold what our JSON Lines export holds: check_npy.py DIR"""
import json
import pathlib
import sys

import numpy as np

DTYPES = {'f32': np.float32, 'f16': np.float16, 'int8': np.int8, 'binary': np.uint8}


def main():
    directory = pathlib.Path(sys.argv[1])
    total = 0
    for kind, dtype in DTYPES.items():
        for multi in (False, True):
            name = kind + ('_multi' if multi else '')
            lines = (directory / f'{name}.jsonl').read_text(encoding='utf-8').split('\n')[:-1]
            rows = [json.loads(line) for line in lines]
            vectors = np.load(directory / f'{name}.npy', allow_pickle=False)
            assert vectors.dtype == dtype and vectors.ndim == 2, name
            if multi:
                offsets = np.load(directory / f'{name}.offsets.npy', allow_pickle=False)
                assert offsets.dtype == np.int64 and len(offsets) == len(rows) + 1, name
                assert np.array_equal(np.diff(offsets), [len(r['embedding']) for r in rows]), name
                expected = [v for row in rows for v in row['embedding']]
            else:
                expected = [row['embedding'] for row in rows]
            # Bytes, not values: -0 must stay -0.
            assert np.array(expected).astype(dtype).tobytes() == vectors.tobytes(), name
            total += vectors.size
    print(f'{total} numbers equal in numpy {np.__version__}')


main()
