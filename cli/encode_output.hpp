#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/ports.hpp"
#include "formats/manifest.hpp"
#include "formats/run_dir.hpp"

namespace embedtool {

/// Where vectors go and as what. As typed.
struct OutputFlags {
  std::string output;
  std::string to;
  std::string dtype = "f32";
  std::uint64_t shard_rows = 0;
  bool overwrite = false;
};
void declare_output(CLI::App& app, OutputFlags& flags);

/// The flags, checked against each other.
struct OutputPlan {
  std::string path;    ///< the output directory; empty = standard output
  std::string format;  ///< "parquet", "npy" or "jsonl"
  OutputType type = OutputType::f32;
  std::uint64_t shard_rows = 0;  ///< 0 = the format's default
  bool overwrite = false;

  bool to_stdout() const { return path.empty(); }
  /// Where bad records are noted unless told otherwise; empty on standard output.
  std::string rejects_path() const { return to_stdout() ? "" : path + "/rejects.jsonl"; }
};
/// Throws Error(usage).
OutputPlan resolve_output(const OutputFlags& flags);

/// The output of one run: a locked directory, or standard output.
class EncodeOutput {
 public:
  /// Takes the directory. `manifest` says what is known before the first row. Throws Error(usage)
  /// when the directory may not be used and Error(output_busy) when another run holds it.
  EncodeOutput(const OutputPlan& plan, Manifest manifest);

  EmbeddingSink& sink() { return *sink_; }
  /// Makes a finished run an output: publishes the report, then the manifest.
  void complete(std::uint64_t rows, const std::string& report);

 private:
  OutputPlan plan_;
  Manifest manifest_;
  std::unique_ptr<RunDirectory> directory_;
  std::unique_ptr<EmbeddingSink> sink_;
};

}  // namespace embedtool
