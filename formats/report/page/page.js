// Draws the reports of one or more runs. No network, no libraries: hand-written SVG.
"use strict";
(() => {
  const runs = JSON.parse(document.getElementById("runs").textContent);
  const page = document.getElementById("page");
  page.textContent = "";

  // ---- small things -------------------------------------------------------------------------
  const svgNamespace = "http://www.w3.org/2000/svg";
  function make(name, attributes = {}, ...children) {
    const svg = /^(svg|g|rect|path|line|text|title)$/.test(name);
    const node = svg ? document.createElementNS(svgNamespace, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    for (const child of children) node.append(child);
    return node;
  }
  function section(title, about, ...children) {
    const head = [make("h2", {}, title)];
    if (about) head.push(make("p", { class: "soft" }, about));
    const node = make("section", {}, ...head, ...children);
    page.append(node);
    return node;
  }
  const known = (value) => value !== null && value !== undefined;
  function count(value) {
    if (!known(value)) return "–";
    return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
  }
  function digits(value, places = 1) {
    return known(value) ? value.toFixed(places) : "–";
  }
  function duration(ms) {
    if (!known(ms)) return "–";
    if (ms < 1) return `${(ms * 1000).toFixed(0)} µs`;
    if (ms < 1000) return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`;
    if (ms < 120000) return `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
    return `${Math.floor(ms / 60000)} min ${Math.round((ms % 60000) / 1000)} s`;
  }
  function bytes(value) {
    if (!known(value)) return "–";
    let unit = 0;
    while (value >= 1000 && unit < 4) {
      value /= 1000;
      ++unit;
    }
    return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${["B", "kB", "MB", "GB", "TB"][unit]}`;
  }
  /** About `wanted` round numbers from 0 to `most`. */
  function ticks(most, wanted = 4) {
    if (!(most > 0)) return [0];
    const raw = most / wanted;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
    const out = [];
    for (let value = 0; value <= most * 1.0001; value += step) out.push(value);
    return out;
  }
  function table(head, rows) {
    const body = make("tbody");
    for (const row of rows) body.append(make("tr", {}, ...row.map((cell) => make("td", {}, cell))));
    const header = make("tr", {}, ...head.map((cell) => make("th", {}, cell)));
    return make("div", { class: "scroll" }, make("table", {}, make("thead", {}, header), body));
  }
  function legend(entries) {
    const node = make("div", { class: "legend" });
    for (const [name, colour] of entries) {
      node.append(make("span", {}, make("i", { style: `background:${colour}` }), name));
    }
    return node;
  }

  // ---- stages -------------------------------------------------------------------------------
  // Groups of stages that are shown as one; every report of this schema has the same groups.
  const groups = runs[0].report.stage_groups;
  const lanes = Object.fromEntries(groups.map((group) => [group.name, group.stages]));
  const titles = Object.fromEntries(groups.map((group) => [group.name, group.title]));
  const colour = (lane) => `var(--${lane})`;
  const cpuOf = (run, lane) => lanes[lane].reduce((sum, s) => sum + (run.stages[s]?.cpu_ms ?? 0), 0);

  function stageBars(run) {
    const total = Object.keys(lanes).reduce((sum, lane) => sum + cpuOf(run, lane), 0);
    const shown = Object.keys(lanes).filter((lane) => cpuOf(run, lane) > total / 2000);
    const height = shown.length * 24;
    const svg = make("svg", { viewBox: `0 0 1000 ${height}`, role: "img" });
    const most = Math.max(...shown.map((lane) => cpuOf(run, lane)));
    shown.forEach((lane, i) => {
      const ms = cpuOf(run, lane);
      const width = (640 * ms) / most;
      const label = `${duration(ms)}  ${((100 * ms) / total).toFixed(1)} %`;
      svg.append(
        make("text", { x: 130, y: i * 24 + 16, "text-anchor": "end" }, titles[lane]),
        make("rect", { x: 140, y: i * 24 + 3, width: Math.max(width, 1), height: 18, rx: 2, fill: colour(lane) }),
        make("text", { x: 146 + width, y: i * 24 + 16 }, label),
      );
    });
    return svg;
  }

  // ---- lines over time ----------------------------------------------------------------------
  function frame(width, height, xMost, yMost, xLabel, yLabel) {
    const left = 70, bottom = 26, top = 8;
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
    const x = (value) => left + ((width - left - 10) * value) / (xMost || 1);
    const y = (value) => height - bottom - ((height - bottom - top) * value) / (yMost || 1);
    for (const tick of ticks(yMost)) {
      svg.append(
        make("line", { class: "axis", x1: left, x2: width - 10, y1: y(tick), y2: y(tick) }),
        make("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, yLabel(tick)),
      );
    }
    for (const tick of ticks(xMost, 8)) {
      svg.append(make("text", { x: x(tick), y: height - 8, "text-anchor": "middle" }, xLabel(tick)));
    }
    return { svg, x, y };
  }
  function areaPath(points, x, y) {
    if (points.length === 0) return "";
    const top = points.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join("L");
    return `M${x(points[0][0]).toFixed(1)},${y(0)}L${top}L${x(points.at(-1)[0]).toFixed(1)},${y(0)}Z`;
  }
  function timeChart(series, yLabel) {
    const all = series.flatMap((line) => line.points);
    if (all.length < 2) return make("p", { class: "soft" }, "The run was too short for a chart.");
    const xMost = Math.max(...all.map(([ms]) => ms));
    const yMost = Math.max(...all.map(([, value]) => value));
    const { svg, x, y } = frame(1000, 210, xMost, yMost * 1.05, duration, yLabel);
    for (const line of series) {
      svg.append(
        make("path", {
          d: areaPath(line.points, x, y), fill: line.colour, "fill-opacity": line.fill ?? 0.25,
          stroke: line.colour, "stroke-width": 1.5,
        }),
      );
    }
    return svg;
  }
  function throughput(run) {
    const points = [];
    const samples = run.timeline.progress;
    // Tokens arrive batch by batch. With fewer than a few batches per point, the curve would show only that.
    const step = Math.max(1, Math.floor(samples.length / Math.min(60, Math.max(4, run.counts.batches / 3))));
    for (let i = step; i < samples.length; i += step) {
      const span = samples[i].ms - samples[i - step].ms;
      const tokens = samples[i].tokens - samples[i - step].tokens;
      if (span > 0) points.push([(samples[i].ms + samples[i - step].ms) / 2, (1000 * tokens) / span]);
    }
    return points;
  }

  // ---- lengths and batches ------------------------------------------------------------------
  const density = (bin) => bin.count / (bin.to - bin.from);
  function lengthBars({ svg, x, y }, bins, what) {
    for (const bin of bins) {
      const bar = make("rect", {
        x: x(bin.from), y: y(density(bin)), width: Math.max(x(bin.to) - x(bin.from) - 0.5, 0.5),
        height: y(0) - y(density(bin)), fill: "var(--tokenize)", "fill-opacity": 0.55,
      });
      bar.append(make("title", {}, `${bin.count} ${what} of ${bin.from} to ${bin.to - 1} tokens`));
      svg.append(bar);
    }
  }
  function lengthFrame(bins) {
    const yMost = Math.max(...bins.map(density));
    return frame(1000, 260, bins.at(-1).to, yMost, (n) => `${n}`, (n) => digits(n, n < 10 ? 1 : 0));
  }
  function chunkChart({ lengths }) {
    if (lengths.length === 0) return make("p", { class: "soft" }, "There were no chunks.");
    const chart = lengthFrame(lengths);
    lengthBars(chart, lengths, "chunks");
    return chart.svg;
  }
  function chunkTable(c) {
    return table(["", "count"], [
      ["documents", count(c.documents)], ["chunks", count(c.chunks)],
      ["tokens read twice, in overlaps", count(c.overlap_tokens)], ["tokens of prefixes", count(c.prefix_tokens)],
    ]);
  }
  function lengthChart(run) {
    const bins = run.lengths;
    if (bins.length === 0) return make("p", { class: "soft" }, "No text was encoded.");
    const batches = run.batching.first_window;
    const yMost = Math.max(...bins.map(density));
    const textsMost = Math.max(1, ...batches.map((batch) => batch.texts));
    const chart = lengthFrame(bins);
    const { svg, x, y } = chart;
    lengthBars(chart, bins, "texts");
    for (const batch of batches) {
      const top = y((yMost * batch.texts) / textsMost);
      const box = make("rect", {
        x: x(batch.shortest), y: top, width: Math.max(x(batch.longest + 1) - x(batch.shortest), 1.5),
        height: y(0) - top, fill: "var(--gemm)", "fill-opacity": 0.06, stroke: "var(--gemm)", "stroke-opacity": 0.8,
      });
      const text = `${batch.texts} texts of ${batch.shortest} to ${batch.longest} tokens: ${batch.tokens} tokens in ${duration(batch.ms)}`;
      box.append(make("title", {}, text));
      svg.append(box);
    }
    return make("div", {}, svg, legend([["texts by length", "var(--tokenize)"],
      [`batches of the first window; height: texts (up to ${textsMost}), width: range of lengths`, "var(--gemm)"]]));
  }

  // ---- threads ------------------------------------------------------------------------------
  function threadChart(run) {
    const { slot_ms: slot, threads } = run.timeline;
    const height = 30;
    const slots = Math.max(1, ...threads.map((t) => Math.max(0, ...Object.values(t.percent).map((p) => p.length))));
    const width = 880 / slots;
    const svg = make("svg", { viewBox: `0 0 1000 ${threads.length * (height + 8) + 22}`, role: "img" });
    threads.forEach((thread, row) => {
      const bottom = row * (height + 8) + height;
      svg.append(
        make("text", { x: 92, y: bottom - 10, "text-anchor": "end" }, thread.name),
        make("rect", { x: 100, y: bottom - height, width: 880, height, fill: "var(--line)", "fill-opacity": 0.35 }),
      );
      const filled = new Array(slots).fill(0);
      for (const [lane, percent] of Object.entries(thread.percent)) {
        let path = "";
        percent.forEach((share, i) => {
          if (share < 0.5) return;
          const h = (height * share) / 100;
          path += `M${(100 + i * width).toFixed(2)},${(bottom - filled[i]).toFixed(2)}v${-h.toFixed(2)}h${width.toFixed(2)}v${h.toFixed(2)}z`;
          filled[i] += h;
        });
        const shape = make("path", { d: path, fill: colour(lane) });
        shape.append(make("title", {}, titles[lane]));
        svg.append(shape);
      }
    });
    const base = threads.length * (height + 8) + 12;
    for (const tick of ticks(slots * slot, 8)) {
      svg.append(make("text", { x: 100 + (880 * tick) / (slots * slot), y: base, "text-anchor": "middle" }, duration(tick)));
    }
    return svg;
  }

  // ---- tables -------------------------------------------------------------------------------
  function stageTable(run) {
    const rows = Object.entries(run.stages)
      .filter(([, stage]) => stage.calls > 0)
      .map(([name, s]) => [name, duration(s.cpu_ms), duration(s.wall_ms), count(s.calls), duration(s.p50_ms), duration(s.p99_ms),
        duration(s.batch_ms?.p50), duration(s.batch_ms?.p90), duration(s.batch_ms?.p99)]);
    return table(["stage", "CPU", "wall", "calls", "p50 per call", "p99", "p50 per batch", "p90", "p99"], rows);
  }
  function memoryTable(run) {
    const m = run.memory;
    return table(["memory", "bytes", ""], [
      ["peak, as the system reports it", bytes(m.peak_rss), ""],
      ["mapped files: program, libraries, model", bytes(m.mapped_files), "resident at the end"],
      ["weights, packed", bytes(m.weights), ""],
      ["workspaces of all workers", bytes(m.workspace),
        known(m.workspace_error_percent) ? `predicted ${bytes(m.workspace_predicted)}, ${digits(m.workspace_error_percent)} % off` : ""],
      ["windows of texts and results", bytes(m.windows), ""],
      ["the rest: reader, writer, tokenizer", bytes(m.rest), ""],
    ]);
  }
  function limitTable(run) {
    const r = run.roofline;
    const rows = [
      ["matrix products and attention", `${digits(r.gflops)} GFLOP/s`, known(r.peak_gflops) ? `${digits(r.peak_gflops)} GFLOP/s` : "–"],
      ["memory traffic, at least", `${digits(r.gbytes_per_second, 2)} GB/s`, known(r.peak_gbytes_per_second) ? `${digits(r.peak_gbytes_per_second)} GB/s` : "–"],
      [`share of the limit (${r.limit ?? "not measured"})`, known(r.of_limit_percent) ? `${digits(r.of_limit_percent)} %` : "–", ""],
      ["instructions per cycle", digits(run.counters.instructions_per_cycle, 2), ""],
      ["cache misses", count(run.counters.cache_misses), ""],
    ];
    const notes = [r.why_not, run.counters.why_not && `hardware counters: ${run.counters.why_not}`].filter(Boolean);
    return make("div", {}, table(["", "achieved", "measured peak of this machine"], rows), make("p", { class: "soft" }, notes.join("; ")));
  }
  function paddingTable(run) {
    const p = run.padding;
    return table(["tokens computed", "", "added by padding"], [
      ["batches in arrival order, padded", count(p.arrival), `${digits(p.arrival_percent)} %`],
      ["batches sorted by length, padded", count(p.sorted), `${digits(p.sorted_percent)} %`],
      ["this run: ragged batches", count(p.actual), `${digits(p.actual_percent)} %`],
    ]);
  }
  function tunerTable(run) {
    const limits = (l) => `${l.texts} texts, ${l.tokens} tokens`;
    return table(["after window", "step", "from", "to", "gain", "noise"], run.batching.tuner.map((s) =>
      [count(s.window), s.step, limits(s.from), limits(s.to), `${digits(s.gain_percent)} %`, `${digits(s.noise_percent)} %`]));
  }

  // ---- pages --------------------------------------------------------------------------------
  function tiles(run) {
    const node = make("div", { class: "tiles" });
    for (const [value, name] of [
      [count(run.counts.rows), "vectors"], [duration(run.total_ms), "total time"],
      [count(run.texts_per_second), "texts/s"], [count(run.tokens_per_second), "tokens/s"],
      [bytes(run.memory.peak_rss), "peak memory"], [`${digits(run.cpu_utilization_percent, 0)} %`, "of all CPUs"],
    ]) node.append(make("div", { class: "tile" }, make("b", {}, value), make("span", { class: "soft" }, name)));
    return node;
  }
  function showRun({ name, report: run }) {
    page.append(make("h1", {}, name), make("p", { class: "soft" },
      `${run.program} · ${run.model.name} · ${run.compute.precision} by ${run.compute.backend} (${run.compute.kernels}) · ` +
      `${run.compute.workers} workers on ${run.compute.cpus} CPUs${run.interrupted ? " · interrupted" : ""}`), tiles(run));
    const advice = make("ul", { class: "advice" }, ...run.advice.map((text) => make("li", {}, text)));
    section("Advice", "", run.advice.length > 0 ? advice : make("p", {}, "Nothing to improve was found."));
    section("Where the time went", "CPU time of all threads.", stageBars(run), make("details", {}, make("summary", {}, "every stage"), stageTable(run)),
      make("p", { class: "soft" }, `${digits(run.accounting.cpu_unexplained_percent, 2)} % of the CPU time and ${digits(run.accounting.wall_unexplained_percent, 2)} % of the wall time are not attributed to any stage.`));
    section("Threads over time", "Grey: waiting.", threadChart(run),
      legend(Object.keys(lanes).filter((lane) => run.timeline.threads.some((t) => t.percent[lane])).map((lane) => [titles[lane], colour(lane)])));
    section("Throughput", "Tokens encoded per second.", timeChart([{ points: throughput(run), colour: "var(--gemm)" }], count));
    section("Memory", "Resident set. The darker part is mapped from files.", timeChart([
      { points: run.memory.over_time.map((s) => [s.ms, s.resident]), colour: "var(--attention)" },
      { points: run.memory.over_time.map((s) => [s.ms, s.file]), colour: "var(--attention)", fill: 0.35 },
    ], bytes), memoryTable(run));
    section("Text lengths and batches", "Horizontal: tokens. Vertical: texts per token of length.", lengthChart(run), paddingTable(run));
    if (run.chunks) section("Chunks", "Horizontal: tokens. Vertical: chunks per token of length.", chunkChart(run.chunks), chunkTable(run.chunks));
    if (run.batching.tuner.length > 0) section("What the tuner tried", "", tunerTable(run));
    section("How close to the machine's limits", "", limitTable(run));
    const settings = Object.entries(run.settings).map(([key, value]) => [key, String(value)]);
    section("Settings", "", make("details", {}, make("summary", {}, "show"), table(["setting", "value"], settings)));
  }
  function compare() {
    const figures = [
      ["total time", (r) => r.total_ms, duration, -1], ["time to the first vectors", (r) => r.first_vector_ms, duration, -1],
      ["texts/s", (r) => r.texts_per_second, count, 1], ["tokens/s", (r) => r.tokens_per_second, count, 1],
      ["CPU time", (r) => r.cpu_ms, duration, -1], ["peak memory", (r) => r.memory.peak_rss, bytes, -1],
      ["workspaces", (r) => r.memory.workspace, bytes, -1], ["bytes written", (r) => r.bytes.out, bytes, -1],
      ...Object.keys(lanes).map((lane) => [titles[lane], (r) => cpuOf(r, lane), duration, -1]),
    ];
    const rows = figures.map(([name, of, show, sign]) => {
      const values = runs.map((run) => of(run.report));
      const best = Math.max(...values.filter(known).map((v) => v * sign)) * sign;
      return [name, ...values.map((v, i) => {
        const change = i > 0 && known(v) && values[0] ? ` (${v >= values[0] ? "+" : "−"}${Math.abs((100 * v) / values[0] - 100).toFixed(0)} %)` : "";
        return make("span", v === best ? { class: "best" } : {}, show(v) + change);
      })];
    });
    page.append(make("h1", {}, `${runs.length} runs compared`));
    section("Side by side", "The best value of each row is highlighted; changes are relative to the first run.", table(["", ...runs.map((run) => run.name)], rows));
    const differing = [...new Set(runs.flatMap((run) => Object.keys(run.report.settings)))]
      .filter((key) => new Set(runs.map((run) => run.report.settings[key])).size > 1)
      .map((key) => [key, ...runs.map((run) => String(run.report.settings[key] ?? "–"))]);
    if (differing.length > 0) section("Settings that differ", "", table(["", ...runs.map((run) => run.name)], differing));
  }

  if (runs.length > 1) compare();
  runs.forEach(showRun);
})();
