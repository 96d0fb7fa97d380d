#!/usr/bin/env python3
"""Makes the Parquet and Arrow files of this folder, and the seeds of the fuzz targets that read such
files, from rows of its own. The committed ones were written by pyarrow 26.0.1 (Arrow C++). Needs
pyarrow: make.py [--seeds FOLDER]."""
import datetime
import decimal
import json
import pathlib
import sys
import uuid

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).resolve().parent
SEEDS = HERE.parent.parent.parent / "fuzz" / "seeds"
WORDS = ["Haus", "река", "山", "𝄞", 'quote"', "tab\t", "of", ""]
STRING = pa.string()


def rows(count):
    for i in range(count):
        yield {
            "id": f"doc-{i}",
            "n": i * 1234567 - 1000,
            "text": " ".join(WORDS[(i * 3 + k) % 8] for k in range(i % 7)),
            "lang": [None, "de", "en"][i % 3],
            "score": [None, 0.1 * i, 3.0, 1e20][i % 4],
            "flag": [True, None, False][i % 3],
            "tags": [None, [], ["a"], ["b", 'c"d']][i % 4],
            "meta": [None, {"title": f"T{i}", "year": i}, {"title": None, "year": None}][i % 3],
            "messages": [{"role": "user", "content": f"hi {k}"} for k in range(1 + i % 3)],
            "emb": [float(i), -0.5, k_float(i)],
        }


def k_float(i):
    return i / 8  # exact in single precision


SCHEMA = pa.schema([
    ("id", STRING), ("n", pa.int64()), ("text", STRING), ("lang", STRING), ("score", pa.float64()),
    ("flag", pa.bool_()), ("tags", pa.list_(STRING)),
    ("meta", pa.struct([("title", STRING), ("year", pa.int64())])),
    ("messages", pa.list_(pa.struct([("role", STRING), ("content", STRING)]))),
    ("emb", pa.list_(pa.float32())),
])
DELTAS = {"id": "DELTA_BYTE_ARRAY", "n": "DELTA_BINARY_PACKED", "text": "DELTA_LENGTH_BYTE_ARRAY",
          "lang": "DELTA_BYTE_ARRAY", "score": "BYTE_STREAM_SPLIT", "flag": "RLE",
          "emb.list.element": "BYTE_STREAM_SPLIT"}


def write_rows(folder, table, codecs):
    """Each encoding and page version; with `codecs` each codec, too."""
    for version in ["1.0", "2.0"]:
        v = version[0]
        pq.write_table(table, folder / f"plain-v{v}.parquet", compression="none", use_dictionary=False,
                       data_page_version=version, row_group_size=10)
        pq.write_table(table, folder / f"dictionary-v{v}.parquet", compression="none",
                       data_page_version=version, write_page_checksum=True)
        pq.write_table(table, folder / f"deltas-v{v}.parquet", compression="none",
                       use_dictionary=False, column_encoding=DELTAS, data_page_version=version)
    for codec in codecs:
        pq.write_table(table, folder / f"{codec}.parquet", compression=codec)
    with ipc.new_file(folder / "plain.arrow", table.schema) as out:
        out.write_table(table, max_chunksize=10)
    with ipc.new_stream(folder / "plain.arrows", table.schema) as out:
        out.write_table(table, max_chunksize=10)
    for codec in ["lz4", "zstd"]:
        with ipc.new_file(folder / f"{codec}.arrow", table.schema,
                          options=ipc.IpcWriteOptions(compression=codec)) as out:
            out.write_table(table)
    columns = {"lang": table["lang"].dictionary_encode(), "text": table["text"].cast(pa.string_view()),
               "id": table["id"].cast(pa.large_string()),
               "emb": table["emb"].cast(pa.list_(pa.float32(), 3))}
    for name, column in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, column)
    with ipc.new_stream(folder / "layouts.arrows", table.schema) as out:
        out.write_table(table, max_chunksize=10)


def write_types(folder):
    """Values of every type that has no parts; types.json says how they are shown."""
    utc = datetime.timezone.utc
    moment = datetime.datetime(2024, 2, 29, 12, 34, 56, 789000)
    values = [
        ("i8", pa.int8(), -128, "-128"), ("u8", pa.uint8(), 255, "255"),
        ("i16", pa.int16(), -3, "-3"), ("u32", pa.uint32(), 4294967295, "4294967295"),
        ("i64", pa.int64(), -2**63, "-9223372036854775808"),
        ("u64", pa.uint64(), 2**64 - 1, "18446744073709551615"),
        ("f16", pa.float16(), 0.5, "0.5"), ("f32", pa.float32(), 0.1, "0.1"),
        ("f64", pa.float64(), 1e16, "1e+16"), ("whole", pa.float64(), 3.0, "3.0"),
        ("bool", pa.bool_(), True, "true"),
        ("small_dec", pa.decimal128(9, 2), decimal.Decimal("-123.45"), "-123.45"),
        ("dec", pa.decimal128(38, 10), decimal.Decimal("-0.0000000001"), "-0.0000000001"),
        ("date", pa.date32(), datetime.date(1969, 12, 31), "1969-12-31"),
        ("time", pa.time64("us"), datetime.time(1, 2, 3, 4), "01:02:03.000004"),
        ("local", pa.timestamp("ms"), moment, "2024-02-29T12:34:56.789"),
        ("utc", pa.timestamp("us", "UTC"), moment.replace(tzinfo=utc), "2024-02-29T12:34:56.789Z"),
        ("old", pa.timestamp("ns"), datetime.datetime(1900, 1, 1), "1900-01-01T00:00:00"),
        ("bytes", pa.binary(), "é".encode(), "é"),
        ("fixed", pa.binary(3), b"abc", "abc"),
    ]
    shown = {name: text for name, _, _, text in values}
    arrays = {name: pa.array([value, None], kind) for name, kind, value, _ in values}
    arrays["text"] = pa.array(["one", "two"])
    arrays["map"] = pa.array([[("k", 1), ("l", None)], None], pa.map_(STRING, pa.int32()))
    shown["map"] = '{"k":1,"l":null}'
    table = pa.table(arrays)
    identifier = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
    with ipc.new_file(folder / "types.arrow", table.schema) as out:
        out.write_table(table)
    table = table.append_column("uuid", pa.array([identifier.bytes, None], pa.uuid()))
    shown["uuid"] = str(identifier)
    pq.write_table(table, folder / "types.parquet")
    pq.write_table(table.select(["text", "local"]), folder / "int96.parquet",
                   use_deprecated_int96_timestamps=True)
    (folder / "types.json").write_text(json.dumps(shown, ensure_ascii=False, indent=1) + "\n")


def write_seeds():
    """Three rows in each layout; the first byte picks what the fuzz target asks for."""
    table = pa.Table.from_pylist(list(rows(4)), schema=SCHEMA)
    scratch = HERE / "scratch"
    scratch.mkdir()
    write_rows(scratch, table, ["snappy", "zstd", "lz4", "brotli", "gzip"])
    write_types(scratch)
    for file in scratch.iterdir():
        if file.suffix != ".json":
            target = "parquet_corpus" if file.suffix == ".parquet" else "arrow"
            (SEEDS / target / file.name.replace(".", "_")).write_bytes(b"\0" + file.read_bytes())
        file.unlink()
    scratch.rmdir()


def main():
    table = pa.Table.from_pylist(list(rows(25)), schema=SCHEMA)
    with open(HERE / "rows.jsonl", "w", encoding="utf-8") as out:
        for row in rows(25):
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    write_rows(HERE, table, ["snappy", "gzip", "zstd", "brotli", "lz4"])
    write_types(HERE)
    write_seeds()


if __name__ == "__main__":
    main()
