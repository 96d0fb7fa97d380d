#include "cli/encode_setup.hpp"

#include "cli/encode_memory.hpp"
#include "cli/signals.hpp"
#include "core/base/error.hpp"
#include "core/base/threads.hpp"
#include "core/pipeline/quantize.hpp"

namespace embedtool {

void check_sparse(const RunIdentity& identity, RowKind kind) {
  if (kind != RowKind::sparse) return;
  if (identity.to == OutputFormat::npy) {
    throw Error(ExitCode::usage,
                "--to npy: this head gives token weights, which npy cannot store; use parquet, "
                "jsonl or arrow");
  }
  if (identity.dtype != OutputType::f32) {
    throw Error(ExitCode::usage, "--dtype {}: token weights are always written as f32",
                name_of(identity.dtype));
  }
  if (!identity.vector_field.empty()) {
    throw Error(
        ExitCode::usage,
        "--vector-field: this head gives token weights, so ready vectors cannot be mixed in");
  }
}

CorpusOptions corpus_options(const EncodeJob& job, const ReadyModel& model,
                             std::uint64_t memory_limit) {
  CorpusOptions corpus = job.corpus;
  corpus.vocab_size = model.encoder->vocab_size();
  corpus.vector_dims = model.shape.dims;
  corpus.sample_bytes = sample_memory(memory_limit);
  return corpus;
}

RunOptions run_options(const EncodeJob& job, const ReadyModel& model) {
  RunOptions options = job.run;
  options.threads = resolve_threads(job.run.threads);
  if (options.max_tokens == 0) options.max_tokens = model.max_tokens;
  options.prompt = model.prompt;
  options.stop = &stop_requested();
  return options;
}

OutputSpec settle_rows(RunIdentity& identity, const ReadyModel& model) {
  if (identity.dtype == OutputType::int8) {
    identity.int8_scale =
        calibrate_int8(*model.encoder, model.loaded.tokenizer.get(), model.max_tokens);
  }
  OutputSpec spec = output_spec(identity);
  if (spec.kind == RowKind::sparse) spec.tokens = token_names(model);
  return spec;
}

}  // namespace embedtool
