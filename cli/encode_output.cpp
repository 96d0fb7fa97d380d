#include "cli/encode_output.hpp"

#include <unistd.h>

#include <utility>

#include "cli/flags.hpp"
#include "core/base/error.hpp"
#include "formats/shard_sinks.hpp"

namespace embedtool {
namespace {

OutputType parse_type(const std::string& word) {
  for (const OutputType type : {OutputType::f16, OutputType::int8, OutputType::binary}) {
    if (word == name_of(type)) return type;
  }
  return OutputType::f32;
}

/// What two runs have in common that write the same output.
Settings identity_of(const Manifest& manifest) {
  Settings identity = manifest.settings;
  identity.emplace_back("model_fingerprint", manifest.model);
  identity.emplace_back("to", manifest.data);
  identity.emplace_back("dtype", std::string(name_of(manifest.spec.type)));
  identity.emplace_back("dims", std::to_string(manifest.spec.dims));
  for (const std::string& field : manifest.spec.kept_fields) identity.emplace_back("keep", field);
  for (const InputEntry& input : manifest.inputs) identity.emplace_back("input", input.name);
  return identity;
}

}  // namespace

void declare_output(CLI::App& app, OutputFlags& flags) {
  FlagGroup group(app, "Output");
  group.value("-o,--output", flags.output, "DIR", "Output directory, or - for standard output")
      ->required();
  group.choice("--to", flags.to, {"parquet", "npy", "jsonl"},
               "Format of the vectors [parquet; jsonl on standard output]");
  group.choice("--dtype", flags.dtype, {"f32", "f16", "int8", "binary"}, "Element type")
      ->capture_default_str();
  group.count("--shard-rows", flags.shard_rows, "Rows in a Parquet shard [65536]");
  group.flag("--overwrite", flags.overwrite, "Replace an output that exists");
}

OutputPlan resolve_output(const OutputFlags& flags) {
  OutputPlan plan;
  const bool to_stdout = flags.output == "-";
  if (!to_stdout) plan.path = flags.output;
  plan.format = !flags.to.empty() ? flags.to : to_stdout ? "jsonl" : "parquet";
  plan.type = parse_type(flags.dtype);
  plan.shard_rows = flags.shard_rows;
  plan.overwrite = flags.overwrite;
  if (to_stdout && plan.format != "jsonl") {
    throw Error(ExitCode::usage, "-o - streams lines: use --to jsonl, or give a directory");
  }
  if (plan.shard_rows > 0 && plan.format != "parquet") {
    throw Error(ExitCode::usage, "--shard-rows is for --to parquet; {} is one file", plan.format);
  }
  return plan;
}

EncodeOutput::EncodeOutput(const OutputPlan& plan, Manifest manifest)
    : plan_(plan), manifest_(std::move(manifest)) {
  manifest_.data = plan_.format;
  if (plan_.to_stdout()) {
    sink_ = open_jsonl_stream(STDOUT_FILENO, "standard output", manifest_.spec);
    return;
  }
  RunDirectoryOptions options;
  options.existing = plan_.overwrite ? ExistingOutput::overwrite : ExistingOutput::refuse;
  options.identity = identity_of(manifest_);
  directory_ = std::make_unique<RunDirectory>(plan_.path, options);
  if (plan_.format == "npy") {
    sink_ = open_npy_sink(*directory_, manifest_.spec);
  } else if (plan_.format == "jsonl") {
    sink_ = open_jsonl_sink(*directory_, manifest_.spec);
  } else {
    ShardOptions shards;
    if (plan_.shard_rows > 0) shards.rows_per_shard = plan_.shard_rows;
    sink_ = open_parquet_sink(*directory_, manifest_.spec, shards);
  }
}

void EncodeOutput::complete(std::uint64_t rows, const std::string& report) {
  if (directory_ == nullptr) return;
  directory_->publish_file("report.json", report);
  manifest_.rows = rows;
  directory_->finish(manifest_);
}

}  // namespace embedtool
