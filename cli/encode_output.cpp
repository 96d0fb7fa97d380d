#include "cli/encode_output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "cli/flags.hpp"
#include "cli/signals.hpp"
#include "core/base/error.hpp"
#include "formats/output/shard_sinks.hpp"
#include "formats/parquet/parquet_schema.hpp"

namespace embedtool {
namespace {

OutputType parse_type(const std::string& word) {
  for (const OutputType type : {OutputType::f16, OutputType::int8, OutputType::binary}) {
    if (word == name_of(type)) return type;
  }
  return OutputType::f32;
}

/// Settings that say where a model was found: its fingerprint says which it is.
bool is_place(const std::string& setting) {
  return setting == "model" || setting == "model_path";
}

/// What two runs have in common that write the same output.
Settings identity_of(const Manifest& manifest) {
  Settings identity{{"model_fingerprint", manifest.model}};
  for (const auto& setting : manifest.settings) {
    if (!is_place(setting.first)) identity.push_back(setting);
  }
  identity.emplace_back("to", manifest.data);
  identity.emplace_back("dtype", std::string(name_of(manifest.spec.type)));
  identity.emplace_back("dims", std::to_string(manifest.spec.dims));
  for (const std::string& field : manifest.spec.kept_fields) identity.emplace_back("keep", field);
  for (const InputEntry& input : manifest.inputs) {
    const bool sized = input.modified_ns.has_value() && input.bytes.has_value();
    identity.emplace_back("input " + input.name,
                          sized ? std::to_string(*input.bytes) + " bytes" : "a pipe");
  }
  identity.emplace_back("program", manifest.tool);
  return identity;
}

/// Whether an input is still what `before` was made of, of the same size.
bool is_unchanged(const InputEntry& before, const InputEntry& now, const std::atomic<bool>& stop) {
  if (now.modified_ns && now.modified_ns == before.modified_ns) return true;
  return digest_input(now.name, stop).hash.hex() == before.hash;
}

/// 0 where nothing was given.
std::uint64_t parse_row_group(const std::string& word) {
  constexpr std::uint64_t kLeast = std::uint64_t{64} << 10U;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 30U;
  if (word.empty()) return 0;
  const std::uint64_t bytes = parse_size("--row-group", word);
  if (bytes >= kLeast && bytes <= kMost) return bytes;
  throw Error(ExitCode::usage, "--row-group {}: row groups are of 64K to 1G", word);
}

}  // namespace

void declare_output(CLI::App& app, OutputFlags& flags) {
  FlagGroup group(app, "Output");
  group.path("-o,--output", flags.output, "DIR", "Output directory, or - for standard output")
      ->required();
  group.choice("--to", flags.to, {"parquet", "npy", "jsonl"},
               "Format of the vectors [parquet; jsonl on standard output]");
  group.choice("--dtype", flags.dtype, {"f32", "f16", "int8", "binary"}, "Element type")
      ->capture_default_str();
  group.count("--shard-rows", flags.shard_rows, "Rows in a Parquet shard [65536]");
  group.value("--row-group", flags.row_group, "SIZE",
              "Values that a Parquet row group holds, and that wait in memory for its end [16M]");
  group.flag("--overwrite", flags.overwrite,
             "Replace an output that exists, instead of going on with it");
}

OutputPlan resolve_output(const OutputFlags& flags) {
  OutputPlan plan;
  const bool to_stdout = flags.output == "-";
  if (!to_stdout) plan.path = flags.output;
  plan.format = !flags.to.empty() ? flags.to : to_stdout ? "jsonl" : "parquet";
  plan.type = parse_type(flags.dtype);
  plan.shard_rows = flags.shard_rows;
  plan.row_group_bytes = parse_row_group(flags.row_group);
  plan.overwrite = flags.overwrite;
  if (to_stdout && plan.format != "jsonl") {
    throw Error(ExitCode::usage, "-o - streams lines: use --to jsonl, or give a directory");
  }
  if (plan.format == "parquet") {
    if (plan.shard_rows == 0) plan.shard_rows = ShardOptions().rows_per_shard;
    if (plan.row_group_bytes == 0) plan.row_group_bytes = ShardOptions().row_group_bytes;
    return plan;
  }
  if (plan.shard_rows > 0) {
    throw Error(ExitCode::usage, "--shard-rows is for --to parquet; {} is one file", plan.format);
  }
  if (plan.row_group_bytes > 0) {
    throw Error(ExitCode::usage, "--row-group is for --to parquet; {} has none", plan.format);
  }
  return plan;
}

/// Opens the output at its first row, so that a run without one leaves nothing behind.
class EncodeOutput::FirstRowSink final : public EmbeddingSink {
 public:
  explicit FirstRowSink(EncodeOutput& output) : output_(output) {}

  void write(const EmbeddingBlock& block) override {
    open();
    sink_->write(block);
  }
  /// Without rows, whether there is to be an output is EncodeOutput::complete()'s to say.
  void finish() override {
    if (sink_ != nullptr) sink_->finish();
  }
  void finish_without_rows() {
    if (sink_ != nullptr) return;
    open();
    sink_->finish();
  }
  std::uint64_t bytes_written() const override {
    return opened_ ? sink_->bytes_written() : 0;
  }
  std::uint64_t bytes_raw() const override { return opened_ ? sink_->bytes_raw() : 0; }

 private:
  void open() {
    if (sink_ != nullptr) return;
    sink_ = output_.begin();
    opened_ = true;
  }

  EncodeOutput& output_;
  std::unique_ptr<EmbeddingSink> sink_;
  std::atomic<bool> opened_{false};  ///< bytes_written() may be asked from another thread
};

EncodeOutput::EncodeOutput(const OutputPlan& plan, Manifest manifest)
    : plan_(plan), manifest_(std::move(manifest)) {
  manifest_.data = plan_.format;
  if (plan_.to_stdout()) return;
  RunDirectoryOptions options;
  options.existing = plan_.overwrite ? ExistingOutput::overwrite : ExistingOutput::resume;
  options.identity = identity_of(manifest_);
  directory_ = std::make_unique<RunDirectory>(plan_.path, options);
  resumed_shards_ = directory_->completed_shards().size();
  resumed_rows_ = directory_->completed_rows();
}

EncodeOutput::~EncodeOutput() {
  if (rejects_ != nullptr && directory_ != nullptr && directory_->replaces()) rejects_->discard();
}

EmbeddingSink& EncodeOutput::sink() {
  return *sink_;
}

std::optional<std::uint64_t> EncodeOutput::up_to_date(const std::atomic<bool>& stop) const {
  if (directory_ == nullptr || !directory_->complete()) return std::nullopt;
  const Manifest& before = *directory_->complete();
  std::string change = first_difference(identity_of(before), identity_of(manifest_));
  for (std::size_t i = 0; change.empty() && i < manifest_.inputs.size(); ++i) {
    if (is_unchanged(before.inputs[i], manifest_.inputs[i], stop)) continue;
    change = fmt::format("the contents of input {} have changed", manifest_.inputs[i].name);
  }
  if (change.empty()) return before.rows;
  throw Error(ExitCode::usage,
              "{}: holds a complete output of another run: {}; give --overwrite to replace it, or "
              "choose another directory",
              plan_.path, change);
}

void EncodeOutput::resume(CorpusSource& source, RejectLog& rejects) const {
  if (resumed_rows_ == 0) return;
  const ShardEntry& last = directory_->completed_shards().back();
  ResumePoint point;
  point.witnesses = last.last_record + 1;
  point.prefix = last.prefix;
  point.skip = last.last_record_rows == 0 ? last.last_record + 1 : last.last_record;
  source.resume(point);
  rejects.resume(last.rejects);
}

void EncodeOutput::open(const OutputSpec& spec, RejectLog& rejects) {
  parquet::check_spec(spec);
  manifest_.spec = spec;
  rejects_ = &rejects;
  sink_ = std::make_unique<FirstRowSink>(*this);
  if (directory_ != nullptr && directory_->replaces() && rejects.path() == plan_.rejects_path()) {
    rejects.stage(fmt::format("{}/{}", plan_.path, kStagedRejectsName));
  }
}

/// Takes the output's place, from the output that was there before if need be.
std::unique_ptr<EmbeddingSink> EncodeOutput::begin() {
  const OutputSpec& spec = manifest_.spec;
  if (plan_.to_stdout()) {
    return open_jsonl_stream(STDOUT_FILENO, "standard output", spec, &stop_requested());
  }
  directory_->begin();
  rejects_->publish();
  if (plan_.format == "npy") return open_npy_sink(*directory_, spec);
  if (plan_.format == "jsonl") return open_jsonl_sink(*directory_, spec);
  ShardOptions shards;
  shards.rows_per_shard = plan_.shard_rows;
  shards.row_group_bytes = plan_.row_group_bytes;
  shards.settle_rejects = [this](std::uint64_t end) { return rejects_->mark(end); };
  return open_parquet_sink(*directory_, spec, shards);
}

void EncodeOutput::complete(std::span<const InputDigest> inputs, const std::string& report) {
  sink_->finish_without_rows();
  if (directory_ == nullptr) return;
  for (std::size_t i = 0; i < inputs.size() && i < manifest_.inputs.size(); ++i) {
    manifest_.inputs[i].bytes = inputs[i].bytes;
    manifest_.inputs[i].hash = inputs[i].hash.hex();
  }
  directory_->publish_file(std::string(kReportName), report);
  directory_->finish(manifest_);
}

std::string EncodeOutput::progress_kept() const {
  if (directory_ == nullptr) return "";
  if (directory_->replaces()) return "the output that was there before is untouched";
  const std::size_t shards = directory_->completed_shards().size();
  if (shards == 0) return "no shard is complete yet; the same command starts from the beginning";
  return fmt::format("{} rows in {} shard{} are safe; the same command goes on from there",
                     directory_->completed_rows(), shards, shards == 1 ? "" : "s");
}

}  // namespace embedtool
