// Reads the outputs of write_sample with DuckDB, hyparquet and parquet-wasm (arrow-rs), and compares
// every row, value and metadata entry with our JSON Lines export: node compare.mjs DIR
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { readParquet } from 'parquet-wasm/node';
import { tableFromIPC } from 'apache-arrow';

const dir = process.argv[2];
const names = ['f32', 'f16', 'int8', 'binary'].flatMap((t) => [t, `${t}_multi`]);
const duck = await (await DuckDBInstance.create()).connect();

const lines = (file) => fs.readFileSync(path.join(dir, file), 'utf8').split('\n').slice(0, -1)
  .map((line) => JSON.parse(line));

// One form for all readers: nested arrays of numbers, bytes as arrays of integers.
function plain(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object') return value;
  if (value instanceof Uint8Array) return [...value];
  if (value.bytes instanceof Uint8Array) return [...value.bytes]; // DuckDB's BLOB
  if (Array.isArray(value.items)) return value.items.map(plain); // DuckDB's LIST
  if (typeof value[Symbol.iterator] === 'function') return [...value].map(plain);
  throw new Error(`unexpected ${value.constructor.name}`);
}

// JSON numbers are doubles; the f32 they were printed from is the one nearest to them.
const rounded = (value) => (Array.isArray(value) ? value.map(rounded) : Math.fround(value));

function expectedRows(name) {
  const ids = lines(`${name}.ids.jsonl`);
  return lines(`${name}.jsonl`).map((row, i) => {
    assert.equal(row.id, ids[i].id);
    return { ...ids[i], embedding: rounded(row.embedding) };
  });
}

function compare(reader, name, rows, expected) {
  assert.equal(rows.length, expected.length, `${reader} ${name}: rows`);
  rows.forEach((row, i) => {
    const where = `${reader} ${name} row ${i}`;
    for (const key of Object.keys(expected[i])) {
      assert.deepEqual(plain(row[key]), expected[i][key], `${where} ${key}`); // -0 is not 0 here
    }
    assert.equal(plain(row.text_hash).length, 16, `${where} text_hash`);
  });
}

async function duckRows(source) {
  const reader = await duck.runAndReadAll(`select * from read_parquet('${source}')`);
  return reader.getRowObjects();
}

async function hyparquetRows(files) {
  const rows = [];
  for (const filename of files) {
    const file = await asyncBufferFromFile(filename);
    rows.push(...(await parquetReadObjects({ file, compressors })));
  }
  return rows;
}

function arrowRows(files) {
  return files.flatMap((filename) => {
    const table = tableFromIPC(readParquet(new Uint8Array(fs.readFileSync(filename))).intoIPCStream());
    return Array.from({ length: table.numRows }, (_, i) => table.get(i).toJSON());
  });
}

async function compareMetadata(name, file) {
  const wanted = {
    'embedtool.dtype': name.split('_')[0],
    'embedtool.multi_vector': String(name.endsWith('_multi')),
    model: 'sample "model"',
    settings: '{"pooling":"mean"}',
  };
  const reader = await duck.runAndReadAll(
    `select decode(key) as key, decode(value) as value from parquet_kv_metadata('${file}')`);
  const fromDuck = Object.fromEntries(reader.getRowObjects().map((r) => [r.key, r.value]));
  const footer = await parquetMetadataAsync(await asyncBufferFromFile(file));
  const fromHyparquet = Object.fromEntries(footer.key_value_metadata.map((e) => [e.key, e.value]));
  for (const [key, value] of Object.entries(wanted)) {
    assert.equal(fromDuck[key], value, `DuckDB ${name} metadata ${key}`);
    assert.equal(fromHyparquet[key], value, `hyparquet ${name} metadata ${key}`);
  }
  assert.deepEqual(fromDuck, fromHyparquet);
}

const types = {
  f32: 'FLOAT[]', f32_multi: 'FLOAT[][]', f16: 'FLOAT[]', f16_multi: 'FLOAT[][]',
  int8: 'TINYINT[]', int8_multi: 'TINYINT[][]', binary: 'BLOB', binary_multi: 'BLOB[]',
};

let values = 0;
for (const name of names) {
  const expected = expectedRows(name);
  const parts = fs.readdirSync(path.join(dir, name, 'data')).sort()
    .map((f) => path.join(dir, name, 'data', f));
  assert.ok(parts.length > 1, 'several shards');
  const one = path.join(dir, `${name}.one.parquet`);
  compare('DuckDB', name, await duckRows(path.join(dir, name, 'data', '*.parquet')), expected);
  compare('DuckDB, one file', name, await duckRows(one), expected);
  compare('hyparquet', name, await hyparquetRows(parts), expected);
  compare('parquet-wasm', name, arrowRows(parts), expected);
  const described = await duck.runAndReadAll(`describe select embedding from '${one}'`);
  assert.equal(described.getRowObjects()[0].column_type, types[name]);
  for (const part of parts) await compareMetadata(name, part);
  const count = expected.reduce((sum, row) => sum + row.embedding.flat(2).length, 0);
  console.log(`${name}: ${expected.length} rows, ${count} numbers, ${parts.length} shards`);
  values += count;
}
// Weights of tokens, MAP<STRING, FLOAT>: every reader has its own idea of a map.
function pairs(value) {
  const list = value.entries instanceof Array ? value.entries // DuckDB
    : typeof value[Symbol.iterator] === 'function' ? [...value] : Object.entries(value);
  return list.map((e) => (Array.isArray(e) ? e : [e.key, e.value]))
    .map(([token, weight]) => [token, Math.fround(weight)])
    .sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
}

const sparse = lines('sparse.jsonl');
const sparseParts = fs.readdirSync(path.join(dir, 'sparse', 'data')).sort()
  .map((f) => path.join(dir, 'sparse', 'data', f));
for (const [reader, rows] of [
  ['DuckDB', await duckRows(path.join(dir, 'sparse', 'data', '*.parquet'))],
  ['DuckDB, one file', await duckRows(path.join(dir, 'sparse.one.parquet'))],
  ['hyparquet', await hyparquetRows(sparseParts)],
  ['parquet-wasm', arrowRows(sparseParts)],
]) {
  assert.equal(rows.length, sparse.length, `${reader} sparse: rows`);
  rows.forEach((row, i) => {
    assert.equal(row.id, sparse[i].id, `${reader} sparse row ${i} id`);
    assert.deepEqual(pairs(row.embedding), pairs(sparse[i].embedding), `${reader} sparse row ${i}`);
  });
}
const map = await duck.runAndReadAll(
  `describe select embedding from '${path.join(dir, 'sparse.one.parquet')}'`);
assert.equal(map.getRowObjects()[0].column_type, 'MAP(VARCHAR, FLOAT)');
const entries = sparse.reduce((sum, row) => sum + pairs(row.embedding).length, 0);
console.log(`sparse: ${sparse.length} rows, ${entries} weights, ${sparseParts.length} shards`);
values += entries;
console.log(`${values} numbers equal, bit for bit, in DuckDB, hyparquet and parquet-wasm`);
