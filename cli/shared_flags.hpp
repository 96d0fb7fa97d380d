#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cli/console.hpp"
#include "cli/model_setup.hpp"
#include "core/model/head_kind.hpp"
#include "core/model/pooling.hpp"
#include "formats/corpus/corpus.hpp"
#include "formats/output/rejects.hpp"
#include "formats/output/run_identity.hpp"

namespace CLI {
class App;
}

namespace embedtool {

/// Where texts come from; shared by the subcommands that read a corpus. As typed, not yet checked
/// against the world.
struct InputFlags {
  std::vector<std::string> inputs;
  std::string format = "auto";
  std::vector<std::string> text_fields;
  std::optional<std::string> join;
  std::string id_field;
  IdFrom id_from = IdFrom::position;
  bool no_quotes = false;
  bool no_header = false;
  std::string delimiter;
  std::string files_from;
  bool nul_names = false;
  std::vector<std::string> globs;
  bool long_windows = false;
  OnError on_error = OnError::skip;
  std::string max_rejects = std::string(kDefaultMaxRejects);
  std::string max_line;
  DuplicateIds duplicate_ids = DuplicateIds::keep;
};
void declare_input(CLI::App& app, InputFlags& flags);

/// Whether standard input is read because no input was named.
bool implies_stdin(const InputFlags& flags);
/// The corpus that the flags ask for; no input is standard input.
CorpusOptions resolve_input(const InputFlags& flags);
/// Finds its files, and lets it speak and be stopped by a signal: what resolve_input(), which looks
/// at nothing but the flags, leaves open. `console` must outlive the corpus.
void find_inputs(CorpusOptions& corpus, Console& console);
/// For a run that reads standard input only because no input was named: throws Error(usage) where
/// it is a terminal, since nobody means to type a corpus.
void refuse_terminal();
/// What bad records do to the run, and how many it bears; the file they go to and files' names are
/// left open.
RejectOptions resolve_rejects(const InputFlags& flags);
/// The names of the files of `corpus`, which have been found.
void name_files(RejectOptions& rejects, const CorpusOptions& corpus);

/// Says how many records were not used and shows the first of them; nothing when all were.
void report_rejects(const RejectLog& rejects, Console& console);

/// Warns of inputs, among others, that nothing was in. Call when `source` has come to its end.
void report_empty_inputs(const CorpusSource& source, Console& console);

/// Which model, and how texts become its vectors. As typed.
struct ModelFlags {
  std::string model = "builtin";
  std::optional<HeadKind> head;
  std::optional<Pooling> pooling;
  bool no_normalize = false;
  std::optional<std::string> prompt;
  std::string prompt_name;
  std::size_t dims = 0;
  std::optional<std::size_t> max_length;
};
void declare_model(CLI::App& app, ModelFlags& flags);
ModelChoice resolve_model(const ModelFlags& flags);

/// Which kernels compute; shared by the subcommands that run a model.
struct ComputeFlags {
  std::size_t threads = 0;
  bool pin = false;
  std::string compute;  ///< empty: f32, or what a preset or an output says
  std::string gemm = "auto";
  std::string isa = "auto";
};
void declare_compute(CLI::App& app, ComputeFlags& flags);
ComputeChoice resolve_compute(const ComputeFlags& flags, ComputeWish otherwise);
/// Workers that are asked for, 0 = what affinity and cgroup allow.
std::size_t resolve_threads(std::size_t asked);
/// Its thread options: how many, and for subcommands that encode more than a handful of texts also
/// where they run.
void declare_thread_count(CLI::App& app, ComputeFlags& flags);
void declare_threads(CLI::App& app, ComputeFlags& flags);

}  // namespace embedtool
