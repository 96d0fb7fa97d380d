"""check.py split LINES FOLDER N: the corpus as N Parquet files.
check.py compare OUT FOLDER: an engine's files hold the rows of OUT, in any order.
check.py rows OUT OTHER: two outputs hold the same rows, in order."""
import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def split(lines, folder, parts):
    import os
    os.mkdir(folder)
    with open(lines, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    parts = int(parts)
    for part in range(parts):
        table = pa.Table.from_pylist(rows[part::parts], pa.schema({"id": pa.string(), "text": pa.string()}))
        pq.write_table(table, f"{folder}/part-{part}.parquet", row_group_size=700)


def rows_of(folder):
    table = pq.read_table(folder, columns=["id", "embedding"])
    values = table["embedding"].combine_chunks().flatten().to_numpy().astype("<f4")
    return table["id"].to_pylist(), values.reshape(table.num_rows, -1)


def compare(out, folder):
    ids, vectors = rows_of(f"{out}/data")
    wanted = dict(zip(ids, vectors))
    ids, vectors = rows_of(folder)
    assert sorted(ids) == sorted(wanted), (len(ids), len(wanted))
    for id, vector in zip(ids, vectors):
        assert vector.tobytes() == wanted[id].tobytes(), id
    print(f"{folder}: {len(ids)} rows, bit for bit")


def rows(out, other):
    ids, vectors = rows_of(f"{out}/data")
    other_ids, other_vectors = rows_of(f"{other}/data")
    assert ids == other_ids and np.array_equal(vectors.view("<u4"), other_vectors.view("<u4"))
    print(f"{other}: {len(ids)} rows, bit for bit")


{"split": split, "compare": compare, "rows": rows}[sys.argv[1]](*sys.argv[2:])
