"""check_spark.py DIR: Spark with default settings reads write_sample's outputs; see readers.sh."""
import sys

import pyspark
from pyspark.sql import SparkSession
from pyspark.sql.functions import input_file_name

from sample import NAMES, Expected, sparse_rows

folder = sys.argv[1]
spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
         .config("spark.driver.host", "localhost").config("spark.ui.showConsoleProgress", "false").getOrCreate())


def columns_of(path):
    frame = spark.read.parquet(path)
    # Spark deals files out by size; the rows of one stay in order.
    rows = sorted(frame.withColumn("file", input_file_name()).collect(), key=lambda row: row["file"])
    return {name: [row[name] for row in rows] for name in frame.columns}


# Spark has no half-precision type: 3.5 fails on the annotation FLOAT16, 4 says that it is illegal.
names = [name for name in NAMES if not name.startswith("f16")]
for name in names:
    expected = Expected(folder, name)
    for path in (f"{folder}/{name}/data", f"{folder}/{name}.one.parquet"):
        expected.check(f"Spark {path}", columns_of(path))
ids, weights = sparse_rows(folder)
columns = columns_of(f"{folder}/sparse/data")
assert columns["id"] == ids
for found, expected in zip(columns["embedding"], weights):
    assert {token: float(weight) for token, weight in expected.items()} == found
print(f"Spark {pyspark.__version__}: {len(names)} outputs by folder and by file, and sparse")
spark.stop()
