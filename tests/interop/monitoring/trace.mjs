// A trace, read by parsers that others wrote. trace.mjs FILE REPORT.json
import assert from "node:assert";
import fs from "node:fs";
import model from "@tracerbench/trace-model";

const [file, reportFile] = process.argv.slice(2);
const report = JSON.parse(fs.readFileSync(reportFile, "utf8"));
const events = JSON.parse(fs.readFileSync(file, "utf8")).traceEvents;
assert(events.length > 100, `${events.length} events`);

// Processes, threads and their nested events, as TracerBench builds them of Chrome's own traces.
const trace = model.buildModel(events);
const own = trace.processes.find((process) => process.name === "embedtool");
assert(own, "the process has its name");
const threads = own.threads.filter((thread) => thread.id > 0);
assert.deepStrictEqual(
  threads.map((thread) => thread.name).sort(),
  report.threads.map((thread) => thread.name).sort(),
);

const names = new Map(
  events
    .filter((event) => event.ph === "M" && event.name === "thread_name")
    .map((event) => [event.tid, event.args.name]),
);
assert.deepStrictEqual([...names.values()].sort(), report.threads.map((t) => t.name).sort());

const spans = events.filter((event) => event.ph === "X");
for (const span of spans) {
  assert(names.has(span.tid) && span.ts >= 0 && span.dur >= 0, JSON.stringify(span));
  assert(span.ts + span.dur <= (report.total_ms + 1) * 1000, "ends after the run");
}
// Stages of a thread do not overlap, and add up to what the report says.
for (const [tid, name] of names) {
  const own = spans.filter((s) => s.tid === tid && s.cat === "stage").sort((a, b) => a.ts - b.ts);
  for (let i = 1; i < own.length; ++i) {
    assert(own[i].ts >= own[i - 1].ts + own[i - 1].dur - 0.01, `${name}: stages overlap`);
  }
  const total = own.reduce((sum, span) => sum + span.dur, 0) / 1000;
  const thread = report.threads.find((t) => t.name === name);
  const busy = thread.wall_ms - thread.idle_ms;
  assert(Math.abs(total - busy) <= 0.01 * busy + 0.5, `${name}: ${total} ms, report ${busy} ms`);
}
const batches = spans.filter((span) => span.name === "encode batch");
assert.strictEqual(batches.length, report.counts.batches);
assert.strictEqual(
  batches.reduce((sum, span) => sum + span.args.tokens, 0),
  report.counts.tokens,
);
console.log(`${events.length} trace events on ${names.size} threads agree with the report`);
