"""check.py exact OUT: the ten nearest rows of one row, id and cosine, by an exact search.
check.py compare EXPECTED FOUND: are they the same rows, in an order that the scores allow?
check.py bulk OUT LINES: do bulk lines hold every row?"""
import json
import sys

import numpy as np
import pyarrow.parquet as pq


def rows_of(out):
    table = pq.read_table(f"{out}/data")
    vectors = table["embedding"].combine_chunks().flatten().to_numpy()
    return table["id"].to_pylist(), vectors.reshape(table.num_rows, -1)


def exact(out):
    ids, vectors = rows_of(out)
    wide = vectors.astype(np.float64)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    scores = wide @ wide[len(ids) // 2]
    for row in np.argsort(-scores)[:10]:
        print(f"{ids[row]}\t{scores[row]:.6f}")


def lines_of(path):
    with open(path, encoding="utf-8") as lines:
        return [(id, float(score)) for id, score in (line.rstrip("\n").split("\t") for line in lines)]


def compare(expected, found):
    expected, found = lines_of(expected), lines_of(found)
    scores = dict(expected)
    assert len(found) == 10, found
    for (id, score), (_, best) in zip(found, expected):
        assert abs(score - best) < 2e-5, (found, expected)
        assert id in scores or abs(score - expected[-1][1]) < 2e-5, (id, expected)


def bulk(out, path):
    ids, vectors = rows_of(out)
    with open(path, encoding="utf-8") as lines:
        pairs = list(zip(lines, lines))
    assert len(pairs) == len(ids)
    for (action, row), id, vector in zip(pairs, ids, vectors):
        assert json.loads(action)["index"]["_id"] == id
        assert np.array(json.loads(row)["embedding"], np.float32).tobytes() == vector.tobytes()


{"exact": exact, "compare": compare, "bulk": bulk}[sys.argv[1]](*sys.argv[2:])
