// Writing shards: vectors a second through the Parquet sink, fsync and rename included.
#include <benchmark/benchmark.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "core/data.hpp"
#include "formats/output/shard_sinks.hpp"

namespace {

using namespace embedtool;

void write_shards(benchmark::State& state) {
  namespace fs = std::filesystem;
  const auto dims = static_cast<std::size_t>(state.range(0));
  constexpr std::size_t kRows = 8192;
  DocumentBlock documents;
  std::vector<RowInfo> rows;
  std::vector<float> values;
  std::uint32_t noise = 1;
  for (std::size_t r = 0; r < kRows; ++r) {
    Record record;
    record.ordinal = r;
    record.id = documents.append("document-" + std::to_string(r));
    documents.records.push_back(record);
    rows.push_back({static_cast<std::uint32_t>(r), 40, false, {}});
    for (std::size_t i = 0; i < dims; ++i) {
      noise = noise * 1664525U + 1013904223U;
      values.push_back((static_cast<float>(noise >> 8U) / 16777216.0F - 0.5F) /
                       std::sqrt(static_cast<float>(dims)));
    }
  }
  OutputSpec spec;
  spec.dims = dims;
  const fs::path folder = fs::temp_directory_path() / "embedtool-bench-shards";
  for ([[maybe_unused]] const auto _ : state) {
    fs::remove_all(folder);
    RunDirectory run(folder.string());
    run.claim({});
    const auto sink = open_parquet_sink(run, spec, {});
    for (std::size_t window = 0; window < 4; ++window) {
      sink->write({&documents, rows, std::as_bytes(std::span(values)), {}, {}, {}});
    }
    sink->finish();
  }
  fs::remove_all(folder);
  state.SetItemsProcessed(static_cast<std::int64_t>(4 * kRows) * state.iterations());
  state.SetBytesProcessed(static_cast<std::int64_t>(4 * kRows * dims * 4) * state.iterations());
}
BENCHMARK(write_shards)
    ->Arg(256)
    ->Arg(384)
    ->Arg(768)
    ->ArgName("dims")
    ->Unit(benchmark::kMillisecond);

}  // namespace
