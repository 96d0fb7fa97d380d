#include "cli/encode_job.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/pipeline/batch_model.hpp"

namespace embedtool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Words = std::vector<std::string>;

/// The job of `encode -o out WORD…`.
EncodeJob job_of(Words words) {
  CLI::App app;
  app.set_help_flag("");
  EncodeFlags flags;
  declare_encode_flags(app, flags);
  if (std::find(words.begin(), words.end(), "-o") == words.end()) {
    words.insert(words.end(), {"-o", "out"});
  }
  std::reverse(words.begin(), words.end());  // CLI11 takes the arguments last first
  app.parse(words);
  return resolve(flags);
}

std::string refusal(const Words& words) {
  try {
    job_of(words);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  return "no error";
}

std::string vectors_of(const ChunkOptions& chunks) {
  return fmt::format("{} {}", name_of(chunks.pooling), name_of(chunks.join));
}

/// Everything that tells two jobs apart, as text.
Settings facts_of(const EncodeJob& job) {
  Settings facts = identity_record(job.identity);
  const auto add = [&facts](const char* name, const auto& value) {
    facts.emplace_back(name, fmt::format("{}", value));
  };
  const auto add_list = [&](const char* name, const std::vector<std::string>& values) {
    add(name, values.size());
    for (const std::string& value : values) add(name, value);
  };
  add_list("corpus.inputs", job.corpus.inputs);
  add("corpus.format", job.corpus.format);
  add_list("corpus.text_fields", job.corpus.text_fields);
  add("corpus.joiner", job.corpus.joiner);
  add("corpus.id_field", job.corpus.id_field);
  add_list("corpus.keep", job.corpus.keep);
  add("corpus.vector_field", job.corpus.vector_field);
  add("corpus.unique_ids", job.corpus.unique_ids);
  add("corpus.files_from", job.corpus.files_from);
  add_list("corpus.globs", job.corpus.globs);
  add("corpus.id_from", name_of(job.corpus.id_from));
  add("corpus.delimiter", static_cast<int>(job.corpus.delimiter));
  add("corpus.header", job.corpus.header);
  add("corpus.long_windows", job.corpus.long_windows);
  add("corpus.quotes", job.corpus.quotes);
  add("corpus.max_line_bytes", job.corpus.max_line_bytes);
  add("on_error", name_of(job.rejects.on_error));
  add("rejects.path", job.rejects.path);
  add("rejects.count", job.rejects.budget.count);
  add("rejects.percent", job.rejects.budget.percent);
  add("model", job.model.model);
  add("head", job.model.head ? name_of(*job.model.head) : "");
  add("pooling", job.model.pooling.size());
  add("normalize", job.model.normalize);
  add("prompt", job.model.prompt.value_or("(none)"));
  add("prompt_name", job.model.prompt_name);
  add("dims", job.model.dims);
  add("max_length", job.model.max_length.value_or(0));
  add("compute", job.compute.compute ? name_of(*job.compute.compute) : "auto");
  add("gemm", job.compute.gemm);
  add("isa", job.compute.isa);
  add("threads", job.run.threads);
  add("pin", job.run.pin);
  add("batch.texts", job.run.batch.texts);
  add("batch.tokens", job.run.batch.tokens);
  add("auto_batch", job.run.auto_batch);
  add("window", job.run.window.records);
  add("run.on_long", name_of(job.run.on_long));
  add("chunks.tokens", job.chunks.tokens);
  add("chunks.overlap", job.chunks.overlap);
  add("chunks.overlap_in_percent", job.chunks.overlap_in_percent);
  add("run.chunks.by", name_of(job.run.chunks.rule.by));
  add("run.chunks.vectors", vectors_of(job.run.chunks));
  add("run.chunks.prefixed", job.run.chunks.prefixed);
  add("run.chunks.joiner", job.run.chunks.joiner);
  add("trace", job.run.trace);
  add("memory_limit", job.memory_limit.value_or(0));
  add("output", job.output.path);
  add("overwrite", job.output.overwrite);
  return facts;
}

TEST(EncodeJob, ADefaultThatIsSpeltOutIsTheDefault) {
  const Settings plain = facts_of(job_of({}));
  for (const Words& words : std::vector<Words>{
           {"-"},
           {"--format", "auto"},
           {"--join", " "},
           {"--id-from", "position"},
           {"--on-error", "skip"},
           {"--max-rejects", "99%"},
           {"--duplicate-ids", "keep"},
           {"-m", "builtin"},
           {"--on-long", "truncate"},
           {"--to", "parquet"},
           {"--dtype", "f32"},
           {"--shard-rows", "65536"},
           {"--row-group", "16M"},
           {"--rejects", "out/rejects.jsonl"},
           {"--optimize", "throughput"},
           {"--batch-size", "64"},
           {"--batch-tokens", "8192"},
           {"--window", "8192"},
           {"--compute", "f32"},
           {"--gemm", "auto"},
           {"--isa", "auto"},
       }) {
    EXPECT_EQ(facts_of(job_of(words)), plain) << words.front();
  }
}

/// Every option shows in the job: one that is only parsed would leave no trace.
TEST(EncodeJob, EveryOptionCounts) {
  const Settings plain = facts_of(job_of({}));
  for (const Words& words : std::vector<Words>{
           {"in.jsonl"},
           {"--format", "text"},
           {"--text-field", "body"},
           {"--join", "\n"},
           {"--id-field", "key"},
           {"--id-from", "offset"},
           {"--glob", "*.txt"},
           {"--files-from", "list"},
           {"--delimiter", ";"},
           {"--no-header"},
           {"--no-quotes"},
           {"--long"},
           {"--on-error", "fail"},
           {"--max-rejects", "5"},
           {"--max-line", "1M"},
           {"--duplicate-ids", "reject"},
           {"--limit", "3"},
           {"--sample", "3"},
           {"--sample", "3", "--seed", "4"},
           {"--vector-field", "v"},
           {"--keep", "a,b"},
           {"--rejects", "bad.jsonl"},
           {"-m", "folder"},
           {"--prompt", ""},
           {"--prompt-name", "query"},
           {"--head", "sparse"},
           {"--pooling", "cls"},
           {"--no-normalize"},
           {"--dims", "8"},
           {"--max-length", "9"},
           {"--on-long", "skip"},
           {"--on-long", "chunk"},
           {"--chunk-tokens", "64"},
           {"--to", "npy"},
           {"--dtype", "int8"},
           {"--shard-rows", "7"},
           {"--row-group", "1M"},
           {"--overwrite"},
           {"--trace", "t.json"},
           {"--optimize", "memory"},
           {"--batch-size", "auto"},
           {"--batch-tokens", "7"},
           {"--window", "7"},
           {"--memory-limit", "1G"},
           {"--threads", "3"},
           {"--pin"},
           {"--compute", "bf16"},
           {"--gemm", "native"},
           {"--isa", "avx2"},
           {"--encoding", "split"},
           {"--vector-type", "list"},
       }) {
    EXPECT_NE(facts_of(job_of(words)), plain) << words.front();
  }
  EXPECT_EQ(job_of({"--report", "r.html"}).report.report, "r.html");
  EXPECT_EQ(job_of({"--metrics-file", "m.prom"}).metrics_file, "m.prom");
}

TEST(EncodeJob, EveryOptionOfChunksCounts) {
  const Settings plain = facts_of(job_of({"--on-long", "chunk"}));
  for (const Words& words : std::vector<Words>{
           {"--chunk-tokens", "64"},
           {"--chunk-overlap", "7"},
           {"--chunk-overlap", "7%"},
           {"--chunk-by", "token"},
           {"--chunk-prefix", "title"},
           {"--chunk-text"},
           {"--chunk-pooling", "late"},
           {"--chunk-join", "mean"},
           {"--chunk-join", "max"},
           {"--join", "\n"},
       }) {
    Words all = words;
    all.insert(all.end(), {"--on-long", "chunk"});
    EXPECT_NE(facts_of(job_of(all)), plain) << words.front();
  }
  EXPECT_EQ(facts_of(job_of({"--on-long", "chunk", "--chunk-by", "sentence"})), plain);
  const EncodeJob job = job_of({"--chunk-tokens", "64", "--chunk-prefix", "title", "--keep", "a"});
  EXPECT_EQ(job.run.on_long, OnLong::chunk);
  EXPECT_THAT(job.corpus.keep, ElementsAre("a", "title"));
  EXPECT_THAT(job.identity.keep, ElementsAre("a"));
}

TEST(EncodeJob, ChunksAreSizedByTheModel) {
  const auto sizes = [](const Words& words, std::size_t limit) {
    const ChunkSizes sizes = settle_chunks(job_of(words).chunks, limit, "m");
    return std::pair(sizes.tokens, sizes.overlap);
  };
  EXPECT_EQ(sizes({"--on-long", "chunk"}, 512), std::pair(std::size_t{512}, std::size_t{0}));
  EXPECT_EQ(sizes({"--chunk-tokens", "100", "--chunk-overlap", "10%"}, 0),
            std::pair(std::size_t{100}, std::size_t{10}));
  EXPECT_THROW(sizes({"--chunk-tokens", "600"}, 512), Error);
  EXPECT_THROW(sizes({"--on-long", "chunk"}, 0), Error);
  EXPECT_THROW(sizes({"--chunk-tokens", "100", "--chunk-overlap", "51"}, 0), Error);
}

TEST(EncodeJob, PresetsAreWhatIsNotGiven) {
  const EncodeJob memory = job_of({"--optimize", "memory"});
  EXPECT_EQ(memory.run.batch.texts, 8U);
  EXPECT_EQ(memory.run.batch.tokens, 512U);
  EXPECT_EQ(memory.run.window.records, 256U);
  EXPECT_EQ(memory.compute.compute, std::nullopt);
  EXPECT_EQ(memory.identity.row_group, 1U << 20U);
  const EncodeJob own = job_of({"--optimize", "memory", "--batch-size", "9", "--batch-tokens", "99",
                                "--window", "999", "--compute", "f32", "--row-group", "2M"});
  EXPECT_EQ(own.run.batch.texts, 9U);
  EXPECT_EQ(own.run.batch.tokens, 99U);
  EXPECT_EQ(own.run.window.records, 999U);
  EXPECT_EQ(own.compute.compute, Compute::f32);
  EXPECT_EQ(own.identity.row_group, 2U << 20U);
  EXPECT_EQ(job_of({"--optimize", "latency"}).run.window.records, 64U);
  EXPECT_EQ(job_of({"--batch-size", "auto"}).run.batch.texts, most_of_auto().texts);
  // What has no row groups takes none from a preset.
  EXPECT_EQ(job_of({"--optimize", "memory", "--to", "npy"}).identity.row_group, 0U);
}

TEST(EncodeJob, StandardOutputStreamsLines) {
  const EncodeJob job = job_of({"-o", "-"});
  EXPECT_TRUE(job.output.to_stdout());
  EXPECT_EQ(job.identity.to, OutputFormat::jsonl);
  EXPECT_EQ(job.rejects.path, "");
  EXPECT_EQ(job.identity.shard_rows, 0U);
  EXPECT_THAT(refusal({"-o", "-", "--to", "npy"}),
              HasSubstr("-o - streams: use --to jsonl or arrow"));
}

TEST(EncodeJob, ReadsStandardInputWhereNothingIsNamed) {
  EXPECT_TRUE(job_of({}).implied_stdin);
  EXPECT_THAT(job_of({}).corpus.inputs, ElementsAre("-"));
  EXPECT_FALSE(job_of({"-"}).implied_stdin);
  EXPECT_FALSE(job_of({"--files-from", "list"}).implied_stdin);
  EXPECT_THAT(job_of({"--files-from", "list"}).corpus.inputs, IsEmpty());
  EXPECT_TRUE(job_of({"--files-from", "list", "-0"}).corpus.nul_names);
  EXPECT_EQ(job_of({"a", "b"}).corpus.inputs.at(1), "b");
}

TEST(EncodeJob, RefusesWhatDoesNotFit) {
  EXPECT_THAT(refusal({"--to", "npy", "--shard-rows", "5"}), HasSubstr("--shard-rows is for"));
  EXPECT_THAT(refusal({"--to", "jsonl", "--row-group", "1M"}), HasSubstr("--row-group is for"));
  EXPECT_THAT(refusal({"--to", "npy", "--encoding", "split"}), HasSubstr("--encoding is for"));
  EXPECT_THAT(refusal({"--to", "npy", "--vector-type", "list"}), HasSubstr("--vector-type is for"));
  EXPECT_THAT(refusal({"--row-group", "1K"}), HasSubstr("64K to 1G"));
  EXPECT_THAT(refusal({"--chunk-by", "token"}), HasSubstr("--chunk-by is for --on-long chunk"));
  EXPECT_THAT(refusal({"--chunk-pooling", "own"}), HasSubstr("--chunk-pooling is for"));
  EXPECT_THAT(refusal({"--chunk-join", "max"}), HasSubstr("--chunk-join is for --on-long chunk"));
  EXPECT_THAT(refusal({"--chunk-tokens", "9", "--chunk-join", "max", "--chunk-text"}),
              HasSubstr("--chunk-text and --chunk-join max"));
  EXPECT_THAT(refusal({"--chunk-tokens", "9", "--chunk-join", "mean", "--reuse", "a"}),
              HasSubstr("--reuse and --chunk-join mean"));
  EXPECT_THAT(refusal({"--on-long", "fail", "--chunk-text"}), HasSubstr("not fail"));
  EXPECT_THAT(refusal({"--chunk-tokens", "9", "--chunk-overlap", "51%"}), HasSubstr("half"));
  EXPECT_THAT(refusal({"--chunk-tokens", "9", "--chunk-overlap", "-1"}), HasSubstr("-1"));
  EXPECT_THAT(refusal({"-0"}), HasSubstr("--files-from"));
  EXPECT_THAT(refusal({"--delimiter", "ab"}), HasSubstr("--delimiter ab"));
  EXPECT_EQ(job_of({"--delimiter", "tab"}).corpus.delimiter, '\t');
  EXPECT_THAT(refusal({"--memory-limit", "much"}), HasSubstr("--memory-limit"));
  EXPECT_THAT(refusal({"--max-rejects", "101%"}), HasSubstr("--max-rejects"));
}

/// A word that no enumerator has is refused with the list; nothing falls back to a default.
TEST(EncodeJob, RefusesUnknownWords) {
  for (const char* option : {"--format", "--to", "--dtype", "--on-long", "--on-error",
                             "--duplicate-ids", "--head", "--pooling", "--compute", "--optimize"}) {
    EXPECT_THAT(refusal({option, "nonsense"}), HasSubstr("nonsense is not one of ")) << option;
    EXPECT_THAT(refusal({option, ""}), HasSubstr("is not one of ")) << option;
  }
}

}  // namespace
}  // namespace embedtool
