#include "tests/support/output_testing.hpp"

#include <algorithm>
#include <filesystem>

namespace embedtool::testing {

Files contents_of(const std::string& directory) {
  Files out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_directory()) continue;
    out[entry.path().lexically_relative(directory).string()] = read_file(entry.path());
  }
  return out;
}

std::unique_ptr<EmbeddingSink> open_sample_sink(RunDirectory& run, const SampleRun& how) {
  if (how.sink == SampleSink::npy) return open_npy_sink(run, how.spec);
  if (how.sink == SampleSink::jsonl) return open_jsonl_sink(run, how.spec);
  return open_parquet_sink(run, how.spec, how.shards);
}

RunIdentity sample_identity(const SampleRun& how) {
  RunIdentity identity;
  identity.program = "test";
  identity.model_fingerprint = "sample";
  identity.pooling = {Pooling::mean};
  identity.inputs = {{"corpus.jsonl", 123, -5, "00112233445566778899aabbccddeeff", 0, ""},
                     {"-", {}, {}, "", 0, ""}};
  identity.to = how.sink == SampleSink::parquet ? OutputFormat::parquet
                : how.sink == SampleSink::npy   ? OutputFormat::npy
                                                : OutputFormat::jsonl;
  identity.kind = how.spec.kind;
  identity.dims = how.spec.dims;
  identity.dtype = how.spec.type;
  identity.int8_scale = how.spec.int8_scale;
  for (const KeptField& field : how.spec.kept_fields) identity.keep.push_back(kept_word(field));
  return identity;
}

Manifest sample_manifest(const SampleRun& how) {
  Manifest manifest;
  manifest.identity = sample_identity(how);
  return manifest;
}

std::unique_ptr<RunDirectory> claimed(const std::string& path, ExistingOutput existing,
                                      const RunIdentity& identity, FileOps& ops) {
  auto run = std::make_unique<RunDirectory>(path, existing, ops);
  run->claim(identity);
  return run;
}

void write_sample(const std::string& path, const SampleRows& rows, const SampleRun& how,
                  FileOps& ops) {
  RunDirectory run(path, how.existing, ops);
  run.claim(sample_identity(how));
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
