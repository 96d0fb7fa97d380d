#!/usr/bin/env python3
"""Encodes a DataFrame with Spark: vectors become a column.

usage: spark_encode.py IN OUT [OPTION…]     (pip install pyspark pyarrow)

IN is a folder of Parquet files with columns "id" and "text"; OUT becomes one with "id" and
"embedding". OPTIONs are those of embedtool encode. Every partition is encoded by a process of its own
on its executor, which needs embedtool, this folder, and the model. A process takes all CPUs that it is
allowed to use; --threads is set to spark.task.cpus."""
import os
import sys

from pyspark.sql import SparkSession

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def embed(frame, arguments):
    """A DataFrame of `id` and `embedding`, array<float>, for one of `id` and `text`."""
    session = frame.sparkSession
    session.sparkContext.addPyFile(f"{os.path.dirname(os.path.abspath(__file__))}/embedtool_pipe.py")
    threads = session.sparkContext.getConf().get("spark.task.cpus", "1")
    session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "10000")

    def encode(batches):
        import embedtool_pipe

        first = next(batches, None)
        if first is None:  # a partition without rows
            return

        def all_batches():
            yield first
            yield from batches

        for batch in embedtool_pipe.encode(all_batches(), ["--threads", threads, *arguments]):
            yield embedtool_pipe.as_lists(batch, ["id", "embedding"])

    return frame.select("id", "text").mapInArrow(encode, "id string, embedding array<float>")


if __name__ == "__main__":
    spark = SparkSession.builder.appName("embedtool").getOrCreate()
    embed(spark.read.parquet(sys.argv[1]), sys.argv[3:]).write.parquet(sys.argv[2])
    spark.stop()
