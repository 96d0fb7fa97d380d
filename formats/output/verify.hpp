#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace embedtool {

struct VerifyProblem {
  std::string file;  ///< name inside the directory
  std::string what;  ///< a sentence
};

/// The result of checking an output.
struct VerifyReport {
  std::string data;  ///< "parquet", "npy", "jsonl"; empty without a usable manifest
  std::uint64_t rows = 0;
  std::uint64_t vectors = 0;  ///< more than rows in multi-vector output; Parquet only
  std::uint64_t files = 0;    ///< checked, the manifest included
  std::uint64_t bytes = 0;    ///< of those files
  double min_norm = 0.0;      ///< over all vectors; Parquet only
  double max_norm = 0.0;
  std::vector<VerifyProblem> problems;

  bool ok() const { return problems.empty(); }
};

/// Checks a complete output: the manifest's own checksum, every file's presence, size and XXH3-128,
/// no parts that the manifest does not list, the shards' columns, row counts, order and page CRCs,
/// and that every vector is finite. Any flipped byte is found. Problems are reported, not thrown;
/// throws Error(failed) only if the directory cannot be opened or listed, or has no manifest.
VerifyReport verify_output(const std::string& directory);

}  // namespace embedtool
