// node nearest.mjs DIR: DIR/out are shards, DIR/queries.jsonl encoded queries and DIR/ours.jsonl
// what `embedtool search --json` found for them. DuckDB must find the same.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';

const dir = process.argv[2];
const lines = (name) => fs.readFileSync(`${dir}/${name}`, 'utf8').trim().split('\n').map((l) => JSON.parse(l));
const duck = await (await DuckDBInstance.create()).connect();
const ours = lines('ours.jsonl');
const queries = lines('queries.jsonl');
assert.equal(ours.length, 10 * queries.length);
for (const [q, { embedding }] of queries.entries()) {
  const reader = await duck.runAndReadAll(`
    select id, list_cosine_similarity(embedding::double[], [${embedding}]::double[]) as score
    from '${dir}/out/data/*.parquet' order by score desc limit 10`);
  reader.getRowObjects().forEach((row, rank) => {
    const match = ours[10 * q + rank];
    assert.equal(match.id, row.id, `query ${q}, rank ${rank + 1}`);
    // f32 sums over 256 products of a cosine: at most 256 roundings of 6e-8, here far fewer.
    assert.ok(Math.abs(match.score - row.score) < 2e-6, `${match.score} is not ${row.score}`);
  });
}
console.log(`${queries.length} queries: the same ten rows in DuckDB`);
