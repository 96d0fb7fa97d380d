#include "tests/support/output_testing.hpp"

#include <algorithm>
#include <filesystem>

namespace embedtool::testing {

Files contents_of(const std::string& directory) {
  Files out;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    out[entry.path().filename().string()] = read_file(entry.path());
  }
  return out;
}

std::unique_ptr<EmbeddingSink> open_sample_sink(RunDirectory& run, const SampleRun& how) {
  if (how.sink == SampleSink::npy) return open_npy_sink(run, how.spec);
  if (how.sink == SampleSink::jsonl) return open_jsonl_sink(run, how.spec);
  return open_parquet_sink(run, how.spec, how.shards);
}

Manifest sample_manifest(const SampleRun& how) {
  Manifest manifest;
  manifest.tool = "embedtool test";
  manifest.model = "sample";
  manifest.settings = {{"pooling", "mean"}};
  manifest.inputs = {{"corpus.jsonl", 123, -5, "00112233445566778899aabbccddeeff"},
                     {"-", {}, {}, ""}};
  manifest.data = how.sink == SampleSink::parquet ? "parquet"
                  : how.sink == SampleSink::npy   ? "npy"
                                                  : "jsonl";
  manifest.spec = how.spec;
  return manifest;
}

void write_sample(const std::string& path, const SampleRows& rows, const SampleRun& how,
                  FileOps& ops) {
  RunDirectory run(path, {how.existing, {{"model", "sample"}}}, ops);
  run.begin();
  {
    const auto sink = open_sample_sink(run, how);
    for (std::size_t at = run.completed_rows(); at < rows.rows.size(); at += how.window) {
      const std::size_t end = std::min(at + how.window, rows.rows.size());
      sink->write(part_of(rows, how.spec, at, end));
    }
    sink->finish();
  }
  run.publish_file("report.json", "{\"total_ms\":1}\n");
  run.finish(sample_manifest(how));
}

}  // namespace embedtool::testing
