#!/usr/bin/env python3
"""Encodes a DataFrame with Dask: vectors become a column.

usage: dask_encode.py IN OUT [OPTION…]     (pip install "dask[dataframe]" distributed pyarrow)

IN is a folder of Parquet files with columns "id" and "text"; OUT becomes one with "id" and
"embedding". OPTIONs are those of embedtool encode. Every partition is encoded by a process of its own
on its worker, which needs embedtool, this folder, and the model. DASK_SCHEDULER names a scheduler;
without it, workers are started here."""
import os
import sys

import dask.dataframe as dd
import pandas as pd
import pyarrow as pa
from dask.distributed import Client

here = os.path.dirname(os.path.abspath(__file__))


def embed(frame, arguments):
    """A DataFrame of `id` and `embedding`, lists of floats, for one of `id` and `text`."""
    kinds = {"id": pd.ArrowDtype(pa.string()), "embedding": pd.ArrowDtype(pa.list_(pa.float32()))}

    def encode(part):
        import embedtool_pipe

        if part.empty:
            return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
        batches = pa.Table.from_pandas(part[["id", "text"]], preserve_index=False).to_batches()
        done = pa.Table.from_batches(embedtool_pipe.as_lists(batch, ["id", "embedding"])
                                     for batch in embedtool_pipe.encode(batches, arguments))
        return done.to_pandas(types_mapper=pd.ArrowDtype)

    return frame.map_partitions(encode, meta=pd.DataFrame({n: pd.Series(dtype=k) for n, k in kinds.items()}))


if __name__ == "__main__":
    with Client(os.environ.get("DASK_SCHEDULER")) as client:
        client.upload_file(f"{here}/embedtool_pipe.py")
        # One process at a time on each worker: it has threads of its own.
        threads = max(1, min(worker["nthreads"] for worker in client.scheduler_info()["workers"].values()))
        options = ["--threads", str(threads), *sys.argv[3:]]
        corpus = dd.read_parquet(sys.argv[1], columns=["id", "text"])
        embed(corpus, options).to_parquet(sys.argv[2], write_index=False)
