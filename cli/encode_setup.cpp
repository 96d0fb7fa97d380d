#include "cli/encode_setup.hpp"

#include "cli/encode_memory.hpp"
#include "cli/signals.hpp"
#include "core/base/error.hpp"
#include "core/base/threads.hpp"
#include "core/pipeline/quantize.hpp"
#include "core/text/chunk/chunker.hpp"

namespace embedtool {
namespace {

/// Whether a model's vectors are averages that a chunk can have of its own.
void check_late(const ChosenModel& model) {
  const auto refuse = [&](const char* why) {
    throw Error(ExitCode::usage, "--chunk-pooling late: {} {}", model.loaded.name, why);
  };
  const HeadSpec& head = model.loaded.head;
  if (model.loaded.spec.layers == 0) {
    refuse("is a static model, whose tokens know nothing of each other; leave it out");
  }
  if (model.shape.kind != RowKind::dense || !head.averages()) {
    refuse(head.prompt_tokens > 0 ? "leaves its prompt out of the average"
                                  : "does not average all tokens, which late chunks are made of");
  }
  if (model.max_tokens == 0) {
    refuse("reads texts of any length; say how much it is to read at once with --max-length");
  }
}

}  // namespace

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

void size_chunks(EncodeJob& job, const ChosenModel& model, RunIdentity& identity) {
  if (!job.chunks.cuts()) return;
  const ChunkSizes sizes = settle_chunks(job.chunks, model.max_tokens, model.loaded.name);
  job.run.chunks.rule.overlap = sizes.overlap;
  job.run.chunks.normalize = model.loaded.head.normalize;
  if (job.chunks.join != ChunkJoin::none && model.shape.kind != RowKind::dense) {
    throw Error(ExitCode::usage, "--chunk-join {}: {} gives {}, which cannot be joined",
                name_of(job.chunks.join), model.loaded.name,
                model.shape.kind == RowKind::multi ? "a vector for each token" : "token weights");
  }
  job.run.chunks.tokens = sizes.tokens;
  if (job.chunks.is_late()) {
    check_late(model);
  } else {
    job.run.max_tokens = sizes.tokens;
  }
  identity.chunk_tokens = sizes.tokens;
  identity.chunk_overlap = sizes.overlap;
  if (model.loaded.tokenizer == nullptr) return;
  // Whether the prompt leaves room for text shows here, before the output is touched.
  TokenSettings tokens = token_settings(model);
  tokens.max_tokens = sizes.tokens;
  const Chunker room(tokens, job.run.chunks.rule);
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
