"""Writes the rows with Spark, which wants Java: write_spark.py DIR adds files to DIR/all."""
import glob
import os
import shutil
import sys

import rows as common

from pyspark.sql import SparkSession


def save(frame, folder, name, codec):
    frame.coalesce(1).write.mode("overwrite").option("compression", codec).parquet(f"{folder}/spark")
    part = glob.glob(f"{folder}/spark/part-*.parquet")[0]
    shutil.move(part, f"{folder}/spark-{name}.parquet")
    shutil.rmtree(f"{folder}/spark")


def main():
    folder = f"{sys.argv[1]}/all"
    spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
             .config("spark.driver.host", "localhost").config("spark.driver.bindAddress", "127.0.0.1")
             .config("spark.sql.shuffle.partitions", "1").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    schema = ("id string, n long, text string, lang string, score double, flag boolean, "
              "tags array<string>, meta struct<title: string, year: long>, "
              "messages array<struct<role: string, content: string>>, emb array<float>")
    frame = spark.createDataFrame(common.make(), schema=schema)
    for codec in ["none", "snappy", "gzip", "zstd", "lz4", "lz4_raw"]:
        save(frame, folder, codec, codec)
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    hadoop.set("parquet.writer.version", "PARQUET_2_0")
    for codec in ["snappy", "gzip", "zstd"]:
        save(frame, folder, f"v2-{codec}", codec)
    hadoop.set("parquet.enable.dictionary", "false")
    save(frame, folder, "v2-deltas", "zstd")
    hadoop.set("parquet.writer.version", "PARQUET_1_0")
    save(frame, folder, "no-dictionary", "snappy")
    spark.conf.set("spark.sql.parquet.writeLegacyFormat", "true")
    save(frame, folder, "legacy", "snappy")
    spark.stop()


if __name__ == "__main__":
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    main()
