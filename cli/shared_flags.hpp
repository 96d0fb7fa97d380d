#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cli/console.hpp"
#include "formats/corpus/corpus.hpp"
#include "formats/output/rejects.hpp"

namespace embedtool {

/// Where texts come from; shared by the subcommands that read a corpus. As typed, not yet checked
/// against the world.
struct InputFlags {
  std::vector<std::string> inputs;
  std::string format = "auto";
  std::vector<std::string> text_fields;
  std::optional<std::string> join;
  std::string id_field;
  bool no_quotes = false;
  std::string on_error = "skip";
  std::string max_rejects = std::string(kDefaultMaxRejects);
  std::string max_line;
  std::string duplicate_ids = "keep";
};
void declare_input(CLI::App& app, InputFlags& flags);

/// The corpus that the flags ask for. No input and a terminal as standard input is an
/// Error(usage): nobody means to type a corpus. `stop` must outlive the source.
CorpusOptions resolve_input(const InputFlags& flags, const std::atomic<bool>& stop);
/// What bad records do to the run, and how many it bears; the file they go to is left open.
RejectOptions resolve_rejects(const InputFlags& flags, const CorpusOptions& corpus);

/// Says how many records were not used and shows the first of them; nothing when all were.
void report_rejects(const RejectLog& rejects, Console& console);

/// Warns of inputs, among others, that nothing was in. Call when `source` has come to its end.
void report_empty_inputs(const CorpusSource& source, Console& console);

/// Which model, and how texts become its vectors. As typed.
struct ModelFlags {
  std::string model = "builtin";
  std::string head;     ///< "dense", "sparse", "colbert"; empty = the model's
  std::string pooling;  ///< several, with commas, are concatenated; empty = the model's
  bool no_normalize = false;
  std::optional<std::string> prompt;
  std::string prompt_name;
  std::size_t dims = 0;
  std::optional<std::size_t> max_length;
};
void declare_model(CLI::App& app, ModelFlags& flags);

/// Which kernels compute; shared by the subcommands that run a model.
struct ComputeFlags {
  std::size_t threads = 0;
  bool pin = false;
  std::string compute;  ///< precision; empty = f32, or what an output was made with
  std::string gemm = "auto";
  std::string isa = "auto";
};
void declare_compute(CLI::App& app, ComputeFlags& flags);
/// Its thread options, for subcommands that encode more than a handful of texts.
void declare_threads(CLI::App& app, ComputeFlags& flags);

}  // namespace embedtool
