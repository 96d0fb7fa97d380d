"""Writes the rows with pyarrow, DuckDB, polars, datasets and fastparquet, in every option that changes
the bytes: write_python.py DIR. Files of flat rows go to DIR/flat, those of all columns to DIR/all, each
with the same rows in rows.jsonl."""
import os
import sys
import warnings

import rows as common

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

warnings.filterwarnings("ignore")


def table(rows):
    text = pa.string()
    columns = {
        "id": text,
        "n": pa.int64(),
        "text": text,
        "lang": text,
        "score": pa.float64(),
        "flag": pa.bool_(),
        "tags": pa.list_(text),
        "meta": pa.struct([("title", text), ("year", pa.int64())]),
        "messages": pa.list_(pa.struct([("role", text), ("content", text)])),
        "emb": pa.list_(pa.float32()),
    }
    return pa.Table.from_pylist(rows, schema=pa.schema(list(columns.items())))


def write_pyarrow(folder, t):
    for codec in ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]:
        for version in ["1.0", "2.0"]:
            for dictionary in [True, False]:
                name = f"{folder}/pyarrow-{codec}-{version}-{dictionary}.parquet"
                pq.write_table(t, name, compression=codec, data_page_version=version,
                               use_dictionary=dictionary, row_group_size=1000, data_page_size=4096,
                               write_page_checksum=dictionary, write_page_index=dictionary)
    deltas = {"id": "DELTA_BYTE_ARRAY", "n": "DELTA_BINARY_PACKED", "text": "DELTA_LENGTH_BYTE_ARRAY",
              "lang": "DELTA_BYTE_ARRAY", "score": "BYTE_STREAM_SPLIT", "flag": "RLE",
              "emb.list.element": "BYTE_STREAM_SPLIT"}
    for version in ["1.0", "2.0"]:
        pq.write_table(t, f"{folder}/pyarrow-deltas-{version}.parquet", use_dictionary=False,
                       column_encoding=deltas, data_page_version=version)
    large = t.cast(pa.schema([
        f.with_type(pa.large_string()) if f.type == pa.string() else f for f in t.schema]))
    pq.write_table(large, f"{folder}/pyarrow-large.parquet")
    small = t.set_column(t.schema.get_field_index("emb"), "emb",
                         t["emb"].cast(pa.list_(pa.float32(), common.DIMS)))
    pq.write_table(small, f"{folder}/pyarrow-fixed-list.parquet")
    pq.write_table(t, f"{folder}/pyarrow-old-lists.parquet", version="1.0",
                   use_compliant_nested_type=False)
    doubles = t.set_column(t.schema.get_field_index("emb"), "emb",
                           t["emb"].cast(pa.list_(pa.float64())))
    pq.write_table(doubles, f"{folder}/pyarrow-doubles.parquet")
    write_arrow(folder, {"": t, "-large": large, "-fixed-list": small, "-doubles": doubles})


def write_arrow(folder, tables):
    for suffix, t in tables.items():
        for codec in [None, "lz4", "zstd"]:
            options = ipc.IpcWriteOptions(compression=codec)
            for kind, make in [("arrow", ipc.new_file), ("arrows", ipc.new_stream)]:
                name = f"{folder}/pyarrow{suffix}-{codec}.{kind}"
                with make(name, t.schema, options=options) as out:
                    out.write_table(t, max_chunksize=700)
    t = tables[""]
    categories = t.set_column(t.schema.get_field_index("lang"), "lang", t["lang"].dictionary_encode())
    views = t.set_column(t.schema.get_field_index("text"), "text", t["text"].cast(pa.string_view()))
    for name, other in [("dictionary", categories), ("views", views)]:
        for kind, make in [("arrow", ipc.new_file), ("arrows", ipc.new_stream)]:
            options = ipc.IpcWriteOptions(unify_dictionaries=kind == "arrow")
            with make(f"{folder}/pyarrow-{name}.{kind}", other.schema, options=options) as out:
                out.write_table(other, max_chunksize=700)


def write_duckdb(folder, t):
    import duckdb

    connection = duckdb.connect()
    connection.register("t", t)
    for codec in ["uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4", "lz4_raw"]:
        for version in ["V1", "V2"]:
            connection.execute(
                f"COPY t TO '{folder}/duckdb-{codec}-{version}.parquet' (FORMAT parquet, "
                f"CODEC '{codec}', PARQUET_VERSION {version}, ROW_GROUP_SIZE 2048)")


def write_polars(folder, t):
    import polars

    frame = polars.from_arrow(t)
    for codec in ["uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4"]:
        frame.write_parquet(f"{folder}/polars-{codec}.parquet", compression=codec, row_group_size=1000)
    frame.lazy().sink_parquet(f"{folder}/polars-sink.parquet")
    for codec in ["uncompressed", "lz4", "zstd"]:
        frame.write_ipc(f"{folder}/polars-{codec}.arrow", compression=codec)
        frame.write_ipc_stream(f"{folder}/polars-{codec}.arrows", compression=codec)
    categories = frame.with_columns(polars.col("lang").cast(polars.Categorical))
    categories.write_ipc(f"{folder}/polars-categories.arrow")
    categories.write_parquet(f"{folder}/polars-categories.parquet")


def write_datasets(folder, rows, t):
    import shutil

    import datasets

    datasets.disable_progress_bars()
    dataset = datasets.Dataset(t)
    dataset.to_parquet(f"{folder}/datasets.parquet")
    dataset.to_parquet(f"{folder}/datasets-batches.parquet", batch_size=100)
    dataset.save_to_disk(f"{folder}/saved")
    shutil.copy(f"{folder}/saved/data-00000-of-00001.arrow", f"{folder}/datasets-saved.arrows")
    shutil.rmtree(f"{folder}/saved")


def write_fastparquet(folder, rows):
    import fastparquet
    import pandas

    frame = pandas.DataFrame({
        "id": pandas.array([r["id"] for r in rows], dtype=object),
        "n": [r["n"] for r in rows],
        "text": pandas.array([r["text"] for r in rows], dtype=object),
        "lang": pandas.array([r["lang"] for r in rows], dtype=object),
        "score": pandas.array([r["score"] for r in rows], dtype="Float64"),
        "flag": pandas.array([r["flag"] for r in rows], dtype="boolean"),
    })
    for codec in ["UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD", "BROTLI", "LZ4_RAW"]:
        fastparquet.write(f"{folder}/fastparquet-{codec}.parquet", frame, compression=codec,
                          row_group_offsets=1000, write_index=False,
                          object_encoding={"id": "utf8", "text": "utf8", "lang": "utf8"})


def main():
    out = sys.argv[1]
    every, flat = f"{out}/all", f"{out}/flat"
    os.makedirs(every, exist_ok=True)
    os.makedirs(flat, exist_ok=True)
    rows = common.make()
    common.write_jsonl(f"{every}/rows.jsonl", rows, common.FLAT + common.NESTED)
    common.write_jsonl(f"{flat}/rows.jsonl", rows, common.FLAT)
    t = table(rows)
    failed = False
    for name, write in [("pyarrow", lambda: write_pyarrow(every, t)),
                        ("duckdb", lambda: write_duckdb(every, t)),
                        ("polars", lambda: write_polars(every, t)),
                        ("datasets", lambda: write_datasets(every, rows, t)),
                        ("fastparquet", lambda: write_fastparquet(flat, rows))]:
        try:
            write()
        except Exception as error:  # the other writers still have their turn
            print(f"{name} cannot write: {error}", file=sys.stderr)
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
