#include "cli/encode_job.hpp"

#include <bit>

#include "cli/flags.hpp"
#include "cli/reuse_setup.hpp"
#include "cli/version.hpp"
#include "core/base/error.hpp"
#include "core/text/unicode/text_borders.hpp"
#include "formats/io/field_value.hpp"
#include "formats/output/shard_sinks.hpp"

namespace embedtool {
namespace {

void declare_output(CLI::App& app, EncodeFlags& flags) {
  FlagGroup group(app, "Output");
  group.path("-o,--output", flags.output, "DIR", "Output directory, or - for standard output");
  group.choice("--to", flags.to, "Format of the vectors [parquet; jsonl on standard output]");
  group.choice("--dtype", flags.asked.dtype, "Element type");
  group.count("--shard-rows", flags.shard_rows, "Rows per Parquet shard [65536]");
  group.value("--row-group", flags.row_group, "SIZE",
              "Uncompressed size of a Parquet row group; buffered in memory until written [16M]");
  group.choice(
      "--encoding", flags.encoding,
      "Parquet: vectors as every reader reads them, or split for the smallest files [plain]");
  group.choice("--vector-type", flags.vector_type,
               "Parquet: what a vector is to Arrow, a FixedSizeList or a List [fixed]");
  group.flag("--overwrite", flags.overwrite, "Replace existing output instead of resuming it");
  group.flag("--dry-run", flags.dry_run,
             "Write nothing; print records, tokens, time, disk and memory that the run would take");
}

void declare_parts(CLI::App& app, EncodeFlags& flags) {
  FlagGroup group(app, "Parts");
  group.value("--part", flags.part, "K/N|auto",
              "Encode only part K of N, for merge to join; auto: as the job array's variables say, "
              "auto/N where they do not tell how many there are");
  group.value("--units", flags.units, "LIST|@FILE",
              "Share out only these units, such as 17,40-43: those that merge says are missing");
  group.value("--unit", flags.unit_size, "SIZE",
              "Bytes of the inputs per unit of work, a power of two [1M to 64M, by their size]");
}

std::uint64_t parse_unit_size(const std::string& word) {
  constexpr std::uint64_t kLeast = std::uint64_t{1} << 10U;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 40U;
  const std::uint64_t bytes = parse_size("--unit", word);
  if (std::has_single_bit(bytes) && bytes >= kLeast && bytes <= kMost) return bytes;
  throw Error(ExitCode::usage, "--unit {}: give a power of two from 1K to 1T, such as 16M", word);
}

/// Whether only a part is to be done, and what that rules out.
void resolve_parts(const EncodeFlags& flags, EncodeJob& job) {
  if (flags.part.empty() && flags.units.empty()) {
    if (flags.unit_size.empty()) return;
    throw Error(ExitCode::usage, "--unit is the size of what --part and --units share out");
  }
  PartRequest& part = job.part.emplace();
  part.wish = flags.part.empty() ? PartWish{.parts = 1} : parse_part(flags.part);
  part.units = flags.units;
  if (!flags.unit_size.empty()) part.unit_bytes = parse_unit_size(flags.unit_size);
  const auto refuse = [](const char* option, const char* why) {
    throw Error(ExitCode::usage, "{} and --part cannot be used together: {}", option, why);
  };
  if (job.output.to_stdout()) refuse("-o -", "parts are shards in a directory, for merge to join");
  if (job.identity.to != OutputFormat::parquet) refuse("--to", "parts are Parquet shards");
  if (flags.overwrite) {
    refuse("--overwrite", "processes share the output; remove it before the job begins");
  }
  if (flags.asked.limit > 0) refuse("--limit", "a process does not know how many came before");
  if (flags.asked.sample > 0) refuse("--sample", "a process knows the records of its part only");
  if (!flags.rejects.empty()) refuse("--rejects", "merge writes rejects.jsonl in the output");
  if (flags.input.duplicate_ids == DuplicateIds::reject) {
    refuse("--duplicate-ids reject", "a process knows the ids of its part only");
  }
  if (flags.reuse.kernels == ReuseKernels::any) {
    refuse("--reuse-kernels any", "every unit's vectors come from one kind of machine");
  }
  if (!flags.nightly.changes.empty()) refuse("--changes", "use embedtool diff after merge");
  if (!flags.nightly.link.empty()) refuse("--link", "the output is complete after merge only");
  // Units hold them; what this process counts has no file.
  job.rejects.path.clear();
}

std::uint64_t parse_row_group(const std::string& word) {
  constexpr std::uint64_t kLeast = std::uint64_t{64} << 10U;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 30U;
  const std::uint64_t bytes = parse_size("--row-group", word);
  if (bytes >= kLeast && bytes <= kMost) return bytes;
  throw Error(ExitCode::usage, "--row-group {}: a row group must be 64K to 1G", word);
}

/// What an estimate of the whole corpus cannot take into account.
void check_dry_run(const EncodeFlags& flags) {
  if (!flags.dry_run) return;
  const auto refuse = [](const char* option, const char* why) {
    throw Error(ExitCode::usage, "{} and --dry-run cannot be used together: {}", option, why);
  };
  if (!flags.part.empty() || !flags.units.empty()) {
    refuse(flags.part.empty() ? "--units" : "--part",
           "it looks at the whole corpus, of which N parts take an Nth each");
  }
  if (!flags.reuse.outputs.empty()) {
    refuse("--reuse",
           "which texts are new shows only when all are compared; without --reuse, it "
           "tells what encoding them all takes");
  }
}

std::uint64_t first_set(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  return a > 0 ? a : b > 0 ? b : c;
}

/// Format, and how its bytes are cut.
void resolve_output(const EncodeFlags& flags, const Preset& preset, EncodeJob& job) {
  const bool to_stdout = flags.output == "-";
  if (!to_stdout) job.output.path = flags.output;
  job.output.overwrite = flags.overwrite;
  job.output_name = flags.output;
  RunIdentity& identity = job.identity;
  identity.to = flags.to.value_or(to_stdout ? OutputFormat::jsonl : OutputFormat::parquet);
  if (to_stdout && identity.to != OutputFormat::jsonl && identity.to != OutputFormat::arrow) {
    throw Error(ExitCode::usage, "-o - streams: use --to jsonl or arrow, or give a directory");
  }
  const std::uint64_t row_group = flags.row_group.empty() ? 0 : parse_row_group(flags.row_group);
  if (identity.to == OutputFormat::parquet) {
    const ShardOptions usual;
    identity.shard_rows = first_set(flags.shard_rows, 0, usual.rows_per_shard);
    identity.row_group =
        first_set(row_group, preset.row_group_bytes, usual.parquet.row_group_bytes);
    identity.encoding = flags.encoding.value_or(usual.parquet.encoding);
    identity.vector_type = flags.vector_type.value_or(usual.parquet.vectors);
    return;
  }
  if (flags.shard_rows > 0) {
    throw Error(ExitCode::usage, "--shard-rows is for --to parquet; {} is one file",
                name_of(identity.to));
  }
  const char* parquet_only = row_group > 0       ? "--row-group"
                             : flags.encoding    ? "--encoding"
                             : flags.vector_type ? "--vector-type"
                                                 : nullptr;
  if (parquet_only != nullptr) {
    throw Error(ExitCode::usage, "{} is for --to parquet, not {}", parquet_only,
                name_of(identity.to));
  }
}

/// What becomes of texts beyond the limit. A prefix is read as one more field to keep.
void resolve_long_texts(EncodeJob& job) {
  const ChunkPlan& plan = job.chunks;
  job.identity.on_long = plan.on_long;
  if (!plan.cuts()) return;
  job.identity.chunk_by = plan.by;
  job.identity.chunk_prefix = plan.prefix;
  job.identity.chunk_text = plan.text;
  job.identity.chunk_pooling = plan.pooling;
  job.identity.chunk_join = plan.join;
  const char* option = !job.reuse.outputs.empty()         ? "--reuse"
                       : !job.corpus.vector_field.empty() ? "--vector-field"
                                                          : nullptr;
  if (plan.is_late() && option != nullptr) {
    throw Error(ExitCode::usage,
                "{} and --chunk-pooling late cannot be used together: a chunk's vector depends on "
                "its whole document",
                option);
  }
  if (plan.join != ChunkJoin::none && !job.reuse.outputs.empty()) {
    throw Error(ExitCode::usage,
                "--reuse and --chunk-join {} cannot be used together: rows are found by the texts "
                "of chunks, which an output of joined rows does not have",
                name_of(plan.join));
  }
  job.identity.chunk_rules = "Unicode " + unicode::border_rules_version();
  job.run.chunks.rule.by = plan.by;
  job.run.chunks.pooling = plan.pooling;
  job.run.chunks.join = plan.join;
  job.run.chunks.prefixed = !plan.prefix.empty();
  job.run.chunks.joiner = job.corpus.joiner;
  if (job.run.chunks.prefixed) job.corpus.keep.push_back(kept_word({plan.prefix}));
}

/// What is read of the inputs.
void resolve_corpus(const EncodeFlags& flags, EncodeJob& job) {
  job.corpus = resolve_input(flags.input);
  // `n:string` is `n`.
  for (std::string& word : job.identity.keep) word = kept_word(kept_field(word));
  job.corpus.keep = job.identity.keep;
  job.corpus.vector_field = flags.asked.vector_field;
  if (flags.asked.seed > 0 && flags.asked.sample == 0) {
    throw Error(ExitCode::usage, "--seed is for --sample N, which is not given");
  }
  job.corpus.limit = flags.asked.limit;
  job.corpus.sample = flags.asked.sample;
  job.corpus.seed = flags.asked.seed;
  job.implied_stdin = implies_stdin(flags.input);
  job.corpus.except_folder = job.output.path;
  job.max_line_given = !flags.input.max_line.empty();
  RunIdentity& identity = job.identity;
  identity.format = flags.input.format;
  identity.text_fields = job.corpus.text_fields;
  identity.join = job.corpus.joiner;
  identity.id_field = job.corpus.id_field;
  identity.id_from = job.corpus.id_from;
  identity.quotes = job.corpus.quotes;
  if (job.corpus.delimiter != '\0') identity.delimiter = job.corpus.delimiter;
  identity.header = job.corpus.header;
  identity.globs = job.corpus.globs;
  identity.duplicate_ids = flags.input.duplicate_ids;
  identity.max_line = job.corpus.max_line_bytes;
  job.rejects = resolve_rejects(flags.input);
  job.rejects.path = flags.rejects.empty() ? job.output.rejects_path() : flags.rejects;
}

}  // namespace

void declare_encode_flags(CLI::App& app, EncodeFlags& flags) {
  declare_input(app, flags.input);
  FlagGroup input(app, "Input");
  input.count("--limit", flags.asked.limit,
              "Read only the first N records, bad ones included, as if the input ended there");
  input.count("--sample", flags.asked.sample,
              "Encode only N of the usable records, chosen uniformly; the same ones each time");
  input.count("--seed", flags.asked.seed, "Another N makes --sample choose others [0]", 0);
  input.value("--vector-field", flags.asked.vector_field, "NAME",
              "Field that may hold a ready vector");
  input
      .list("--keep", flags.asked.keep, "NAME,...",
            "Fields to copy into the shards, as strings or, by NAME:int64, NAME:double or "
            "NAME:bool, typed")
      .split_at_commas();
  input.path("--rejects", flags.rejects, "FILE",
             "File to log bad records in [rejects.jsonl in the output directory]");
  declare_model(app, flags.model);
  declare_chunks(app, flags.chunks);
  declare_chunk_rows(app, flags.chunks);
  declare_output(app, flags);
  declare_reuse(app, flags.reuse);
  declare_nightly(app, flags.nightly);
  declare_parts(app, flags);
  declare_report(app, flags.report);
  FlagGroup(app, "Output")
      .path("--metrics-file", flags.metrics_file, "FILE",
            "Keep figures for Prometheus in this file, from start to end");
  declare_work(app, flags.work);
  declare_threads(app, flags.compute);
  declare_compute(app, flags.compute);
}

EncodeJob resolve(const EncodeFlags& flags) {
  const Preset& preset = preset_of(flags.work.optimize);
  if (flags.output.empty() && !flags.dry_run) {
    throw Error(ExitCode::usage,
                "--output is missing: -o OUT writes to a directory, -o - to standard output");
  }
  EncodeJob job;
  job.chunks = resolve_chunks(flags.chunks);
  check_dry_run(flags);
  job.dry_run = flags.dry_run;
  job.identity = flags.asked;
  job.identity.program = version_string();
  resolve_output(flags, preset, job);
  check_reuse(flags.reuse);
  job.reuse = flags.reuse;
  check_nightly(flags.nightly, flags.reuse, job.output, job.identity.to);
  job.nightly = flags.nightly;
  resolve_corpus(flags, job);
  resolve_long_texts(job);
  resolve_parts(flags, job);
  job.model = resolve_model(flags.model);
  job.compute = resolve_compute(flags.compute, preset.compute);
  job.optimize = flags.work.optimize;
  resolve_work(flags.work, job.run);
  job.run.threads = flags.compute.threads;
  job.run.pin = flags.compute.pin;
  job.run.on_long = job.chunks.on_long;
  job.run.trace = !flags.report.trace.empty();
  if (!flags.work.memory_limit.empty()) {
    job.memory_limit = parse_size("--memory-limit", flags.work.memory_limit);
  }
  job.scratch = flags.work.tmp_dir;
  job.report = flags.report;
  job.metrics_file = flags.metrics_file;
  return job;
}

}  // namespace embedtool
