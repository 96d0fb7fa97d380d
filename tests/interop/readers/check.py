"""check.py DIR: compares what readers make of write_sample's outputs; see readers.sh."""
import csv
import glob
import json
import os
import sys

import chdb
import duckdb
import faiss
import fastparquet
import lancedb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from sample import NAMES, Expected, sparse_rows

FOLDER = sys.argv[1]
# Neither takes FixedSizeLists nor float16, nor numbers rows.
OLD_CLICKHOUSE = int(chdb.__version__.split(".")[0]) < 3
# Reads neither float16 nor lists of fixed bytes, whoever wrote them.
OLD_POLARS = tuple(map(int, pl.__version__.split(".")[:2])) < (1, 14)


def of_arrow(table):
    return {name: table[name].to_pylist() for name in table.column_names}


def by_pyarrow(path):
    return of_arrow(pq.read_table(path))


def by_pandas(path):
    # NumPy has nothing for a list of fixed bytes: "Not implemented type for Arrow list to pandas".
    backend = {"dtype_backend": "pyarrow"} if "binary_multi" in path else {}
    frame = pd.read_parquet(path, engine="pyarrow", **backend)
    return {name: frame[name].tolist() for name in frame.columns}


def by_polars(path):
    return pl.read_parquet(path).to_dict(as_series=False)


def by_polars_scan(path):
    return pl.scan_parquet(path).collect().to_dict(as_series=False)


def name_of(path):
    """Of an output, of which a path is the folder of shards or the one file."""
    return path[len(FOLDER) + 1:].split("/")[0].split(".")[0]


def in_order(path):
    """DuckDB and ClickHouse take a glob where others take a folder."""
    return path if path.endswith(".parquet") else f"{path}/*.parquet"


def by_duckdb(path):
    # By column names, in the order of the files.
    found = duckdb.sql(f"SELECT * FROM read_parquet('{in_order(path)}')")
    rows = found.fetchall()
    return {name: [row[i] for row in rows] for i, name in enumerate(found.columns)}


def by_chdb(path):
    if OLD_CLICKHOUSE:
        lists = f"{FOLDER}/{name_of(path)}.list/data"  # sparse rows have none
        files = sorted(glob.glob(in_order(lists if os.path.isdir(lists) else path)))
        table = pa.concat_tables(
            chdb.query(f"SELECT * FROM file('{file}', Parquet) SETTINGS input_format_parquet_preserve_order = 1",
                       "ArrowTable") for file in files)
    else:
        # ClickHouse reads files side by side; row numbers within them restore the order.
        table = chdb.query(
            f"SELECT * EXCEPT(_f, _r) FROM (SELECT *, _file AS _f, _row_number AS _r "
            f"FROM file('{in_order(path)}', Parquet) ORDER BY _f, _r)", "ArrowTable")
    columns = of_arrow(table)
    for name in columns:
        columns[name] = [v.decode() if isinstance(v, bytes) and name != "embedding" and name != "text_hash"
                         else v for v in columns[name]]
    return columns


def by_fastparquet(path):
    files = [path] if path.endswith(".parquet") else sorted(glob.glob(f"{path}/*.parquet"))
    frame = pd.concat([fastparquet.ParquetFile(file).to_pandas() for file in files])
    return {name: frame[name].tolist() for name in frame.columns}


READERS = [by_pyarrow, by_pandas, by_polars, by_polars_scan, by_duckdb, by_chdb]


def readers_of(name, readers):
    """Those that know the types of an output."""
    unable = []
    if OLD_POLARS and (name.startswith("f16") or name == "binary_multi"):
        unable += [by_polars, by_polars_scan]
    if OLD_CLICKHOUSE and name.startswith("f16"):
        unable.append(by_chdb)
    return [reader for reader in readers if reader not in unable]


def check_parquet():
    for name in NAMES:
        expected = Expected(FOLDER, name)
        readers = readers_of(name, READERS)
        for path in (f"{FOLDER}/{name}/data", f"{FOLDER}/{name}.one.parquet"):
            for reader in readers:
                expected.check(f"{reader.__name__} {path}", reader(path))
        # The smallest files are for those that can.
        for reader in readers_of(name, (by_pyarrow, by_polars)):
            expected.check(reader.__name__, reader(f"{FOLDER}/{name}.split/data"))
        print(f"{name}: {len(expected.ids)} rows, {len(expected.vectors)} vectors, {len(readers)} readers")


def check_types():
    """Fixed lists where Arrow is known, plain ones elsewhere."""
    schema = pq.read_schema(f"{FOLDER}/f32.one.parquet")
    assert schema.field("embedding").type == pa.list_(pa.field("element", pa.float32(), False), 48)
    assert pl.read_parquet_schema(f"{FOLDER}/f32.one.parquet")["embedding"] == pl.Array(pl.Float32, 48)
    assert pq.read_schema(f"{FOLDER}/f16.one.parquet").field("embedding").type.value_type == pa.float16()
    assert pq.read_schema(f"{FOLDER}/int8.one.parquet").field("embedding").type.value_type == pa.int8()
    kept = [schema.field(f"field_{number}").type for number in range(4)]
    assert kept == [pa.string(), pa.int64(), pa.float64(), pa.bool_()]


def check_fastparquet():
    """It knows single values only, and neither float16 nor lists of lists."""
    expected = Expected(FOLDER, "f32")
    columns = by_fastparquet(f"{FOLDER}/f32/data")
    columns["embedding"] = columns.pop("embedding.list.element", columns.get("embedding"))
    expected.check("fastparquet", columns)


def check_sparse():
    ids, weights = sparse_rows(FOLDER)
    for path in (f"{FOLDER}/sparse/data", f"{FOLDER}/sparse.one.parquet"):
        for reader in READERS:
            columns = reader(path)
            assert list(columns["id"]) == ids, reader.__name__
            numbers = {}
            for row, indices, expected in zip(columns["embedding"], columns["indices"], weights):
                entries = pairs(row)
                assert dict(entries) == expected, reader.__name__
                assert len(indices) == len(entries)
                for (token, _), index in zip(entries, indices):
                    assert numbers.setdefault(token, index) == index, reader.__name__
            assert len(set(numbers.values())) == len(numbers), reader.__name__
    print(f"sparse: {len(ids)} rows, {len(READERS)} readers")


def pairs(row):
    if isinstance(row, dict):
        items = row.items()
    else:
        items = [tuple(entry.values()) if isinstance(entry, dict) else entry for entry in row]
    return [(key.decode() if isinstance(key, bytes) else key, np.float32(value)) for key, value in items]


def check_bloom_filters(ids):
    """DuckDB asks them whether a row group may have an id; since version 1.2."""
    if tuple(int(part) for part in duckdb.__version__.split(".")[:2]) < (1, 2):
        return
    def may_have(value):
        probe = f"SELECT bloom_filter_excludes FROM parquet_bloom_probe('{FOLDER}/f32.one.parquet', 'id', ?)"
        return sum(not excluded for (excluded,) in duckdb.sql(probe, params=[value]).fetchall())
    assert all(may_have(id) >= 1 for id in ids[::37])
    assert sum(may_have(f"{id} not there") for id in ids[:300]) < 30


def check_statistics():
    meta = pq.read_metadata(f"{FOLDER}/f32.one.parquet")
    assert meta.created_by.startswith("embedtool version ")
    ids = Expected(FOLDER, "f32").ids
    start = 0
    for number in range(meta.num_row_groups):
        group = meta.row_group(number)
        column = group.column(0)
        here = [value.encode() for value in ids[start:start + group.num_rows]]
        assert column.statistics.null_count == 0
        assert column.statistics.min.encode() <= min(here) and max(here) <= column.statistics.max.encode()
        assert all(group.column(i).has_offset_index for i in range(group.num_columns))
        assert column.has_column_index and not group.column(1).has_column_index
        start += group.num_rows
    check_bloom_filters(ids)
    # A filter prunes by them and still finds every row.
    for wanted in (ids[0], ids[-1], "nowhere"):
        found = pq.read_table(f"{FOLDER}/f32/data", filters=[("id", "=", wanted)])
        assert found["id"].to_pylist() == [i for i in ids if i == wanted]
        rows = duckdb.sql(f"SELECT id FROM '{FOLDER}/f32/data/*.parquet' WHERE id = ?", params=[wanted]).fetchall()
        assert len(rows) == ids.count(wanted)


def check_typed_filters():
    """Kept numbers and booleans are compared as such, with the bounds that let readers skip."""
    kept = Expected(FOLDER, "f32").kept
    numbers = [value for value in kept["field_2"] if value is not None]
    limit = sorted(numbers)[len(numbers) // 3]
    wanted = sum(value < limit for value in numbers)
    assert pq.read_table(f"{FOLDER}/f32/data", filters=[("field_2", "<", limit)]).num_rows == wanted
    assert pl.scan_parquet(f"{FOLDER}/f32/data").filter(pl.col("field_2") < limit).collect().height == wanted
    shards = f"read_parquet('{FOLDER}/f32/data/*.parquet')"
    assert duckdb.sql(f"SELECT count(*) FROM {shards} WHERE field_2 < {limit}").fetchall()[0][0] == wanted
    assert duckdb.sql(f"SELECT count(*) FROM {shards} WHERE field_3").fetchall()[0][0] == kept["field_3"].count(True)
    assert duckdb.sql(f"SELECT max(field_1) FROM {shards}").fetchall()[0][0] == max(
        value for value in kept["field_1"] if value is not None)
    group = pq.read_metadata(f"{FOLDER}/f32.one.parquet").row_group(0)
    place = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    for name in ("field_1", "field_2", "field_3"):
        here = [value for value in kept[name][:group.num_rows] if value is not None]
        bounds = place[name].statistics
        assert (bounds.min, bounds.max) == (min(here), max(here)), name
        assert bounds.null_count == group.num_rows - len(here)


def check_lancedb():
    expected = Expected(FOLDER, "f32")
    db = lancedb.connect(f"{FOLDER}/lance")
    table = db.create_table("f32", pq.read_table(f"{FOLDER}/f32/data"))
    found = table.search(expected.vectors[7]).metric("dot").limit(3).to_list()
    best = np.argsort(-(expected.vectors @ expected.vectors[7]), kind="stable")[:3]
    assert [row["id"] for row in found] == [expected.ids[i] for i in best], found
    print("LanceDB finds the vector column by itself")


def check_exports():
    for name in ("f32", "f16", "int8", "binary"):
        expected = Expected(FOLDER, name)
        table = pyarrow.ipc.open_file(f"{FOLDER}/{name}.arrow").read_all()
        table.validate(full=True)
        expected.check("arrow", of_arrow(table))
        with open(f"{FOLDER}/{name}.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["id"] for row in rows] == expected.ids
        numbers = np.array([json.loads(row["embedding"]) for row in rows])
        assert numbers.astype(expected.vectors.dtype).tobytes() == expected.vectors.tobytes()
        if name == "binary":
            index = faiss.read_index_binary(f"{FOLDER}/{name}.faiss")
            assert faiss.vector_to_array(index.xb).tobytes() == expected.vectors.tobytes()
            continue
        index = faiss.read_index(f"{FOLDER}/{name}.faiss")
        stored = index.reconstruct_n(0, index.ntotal)
        assert index.metric_type == faiss.METRIC_INNER_PRODUCT and len(stored) == len(expected.ids)
        if name != "int8":
            assert (stored == expected.vectors.astype(np.float32)).all()
    print("exports: Arrow, CSV, Faiss")


for check in (check_parquet, check_types, check_sparse, check_fastparquet, check_statistics,
              check_typed_filters, check_lancedb, check_exports):
    check()
