// A metrics file, read by a parser that others wrote. metrics.mjs FILE REPORT.json OUTPUT-LABEL
import assert from "node:assert";
import fs from "node:fs";
import parsed from "parse-prometheus-text-format";

const parse = parsed.default ?? parsed;
const [file, reportFile, output] = process.argv.slice(2);
const text = fs.readFileSync(file, "utf8");
const families = new Map(parse(text).map((family) => [family.name, family]));
const report = JSON.parse(fs.readFileSync(reportFile, "utf8"));

assert(text.endsWith("\n"), "the last line ends");
// The parser forgives what the collector does not: a family twice, a sample with a time.
const types = [...text.matchAll(/^# TYPE (\S+) gauge$/gm)].map((match) => match[1]);
assert.deepStrictEqual(types, [...new Set(types)], "a family stands once");
assert.deepStrictEqual([...families.keys()].sort(), [...types].sort());
for (const line of text.split("\n").filter((l) => l && !l.startsWith("#"))) {
  assert.match(line, /^embedtool_[a-z_]+\{.*\} [-+.e0-9]+$/, "no time after the value");
}
for (const family of families.values()) {
  assert.strictEqual(family.type, "GAUGE", family.name);
  assert(family.help.length > 0, family.name);
  for (const sample of family.metrics) assert.strictEqual(sample.labels.output, output);
}

const value = (name) => Number(families.get(`embedtool_${name}`).metrics[0].value);
assert.strictEqual(value("run_active"), 0);
assert.strictEqual(value("run_exit_code"), 0);
assert.strictEqual(value("run_rows"), report.counts.rows);
assert.strictEqual(value("run_tokens"), report.counts.tokens);
assert.strictEqual(value("run_rejected_records"), report.counts.rejected);
assert.strictEqual(value("run_memory_peak_bytes"), report.memory.peak_rss);
assert(value("last_success_timestamp_seconds") >= value("run_start_timestamp_seconds"));
const stages = families.get("embedtool_run_stage_cpu_seconds").metrics;
for (const { labels, value: seconds } of stages) {
  const wanted = report.stages[labels.stage].cpu_ms;
  assert(Math.abs(seconds * 1000 - wanted) <= 0.001, `${labels.stage}: ${seconds} s, ${wanted} ms`);
}
assert.strictEqual(stages.length, Object.keys(report.stages).length - 1, "all but startup");
console.log(`${families.size} families agree with the report`);
