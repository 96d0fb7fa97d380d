"""opensearch_bulk.py OUT [INDEX]: lines for OpenSearch's and Elasticsearch's POST /_bulk, on stdout.

The index needs a mapping in which `embedding` is a knn_vector (OpenSearch) or dense_vector
(Elasticsearch) of as many dimensions. A request should hold some megabytes: cut the lines with split -l."""
import json
import sys

import pyarrow.parquet as pq

out = sys.argv[1]
index = sys.argv[2] if len(sys.argv) > 2 else "items"
own = ("n_tokens", "truncated", "text_hash")
table = pq.read_table(f"{out}/data")
columns = [name for name in table.column_names if name not in own]
for batch in table.select(columns).to_batches(max_chunksize=1000):
    for row in batch.to_pylist():
        print(json.dumps({"index": {"_index": index, "_id": row.pop("id")}}))
        print(json.dumps(row, ensure_ascii=False))
