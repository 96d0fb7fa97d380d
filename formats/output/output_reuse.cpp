#include "formats/output/output_reuse.hpp"

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"

namespace embedtool {

std::unique_ptr<EarlierOutput> open_output(const std::string& path) {
  Directory directory(path, false);
  Manifest manifest = load_manifest(directory);
  if (manifest.identity.to != OutputFormat::parquet) {
    throw Error(ExitCode::failed,
                "{}: the output is {}; only rows of Parquet output can be read back", path,
                name_of(manifest.identity.to));
  }
  return std::make_unique<EarlierOutput>(
      EarlierOutput{path, std::move(directory), std::move(manifest)});
}

std::unique_ptr<EarlierOutput> open_earlier(const std::string& path) {
  try {
    return open_output(path);
  } catch (const Error& error) {
    throw Error(ExitCode::usage, "--reuse {}", error.what());
  }
}

std::string why_not_reused(const Manifest& before, const RunIdentity& now, ReuseKernels kernels) {
  std::string difference = first_difference(before.identity, now, Comparison::reuse);
  if (!difference.empty()) {
    return fmt::format("its vectors are of another space: {}", difference);
  }
  if (!before.foreign_settings.empty()) {
    return fmt::format("another version of embedtool set {} to '{}'",
                       before.foreign_settings.front().first,
                       before.foreign_settings.front().second);
  }
  if (kernels == ReuseKernels::any) return {};
  difference = first_difference(before.identity, now, Comparison::kernels);
  if (difference.empty()) return {};
  return fmt::format(
      "other code computed it, so the last bits of its vectors may differ: {}; accept that with "
      "--reuse-kernels any",
      difference);
}

OutputReuse::Source::Source(std::shared_ptr<const EarlierOutput> earlier, const ReusePlan& plan,
                            const ReuseResources& resources,
                            std::shared_ptr<const Vocabulary> vocabulary)
    : output(std::move(earlier)),
      lookup(output->directory, output->manifest, resources.scratch, resources.memory,
             resources.stop),
      fetcher(output->directory, output->manifest, std::move(vocabulary)) {
  if (resources.cheap_texts) lookup.pass_scattered();
  const std::uint64_t rows = output->manifest.rows;
  check_all = plan.verify >= rows;
  if (check_all || plan.verify == 0) return;
  // Other rows every time: in the end all have been looked at.
  std::mt19937_64 random(std::random_device{}());
  std::uniform_int_distribution<std::uint64_t> any(0, rows - 1);
  while (checked.size() < plan.verify) checked.insert(any(random));
}

OutputReuse::OutputReuse(const std::vector<std::shared_ptr<const EarlierOutput>>& outputs,
                         const OutputSpec& spec, const ReusePlan& plan,
                         const ReuseResources& resources) {
  const auto vocabulary = vocabulary_of(spec);
  for (const auto& output : outputs) {
    sources_.push_back(std::make_unique<Source>(output, plan, resources, vocabulary));
  }
}

void OutputReuse::find(std::span<const Hash128> texts, ReusedRows& out) {
  for (const auto& source : sources_) fetch(*source, texts, out);
}

void OutputReuse::fetch(Source& source, std::span<const Hash128> texts, ReusedRows& out) {
  keys_.assign(texts.size(), std::nullopt);
  // Found already: any key will do to pass it over.
  for (std::size_t text = 0; text < texts.size(); ++text) {
    if (out.find(text) != nullptr) keys_[text].emplace();
  }
  source.lookup.find(texts, keys_);
  wanted_.clear();
  for (std::uint32_t text = 0; text < texts.size(); ++text) {
    if (keys_[text] && out.find(text) == nullptr) wanted_.push_back({keys_[text]->row, text});
  }
  std::sort(wanted_.begin(), wanted_.end(),
            [](const Wanted& a, const Wanted& b) { return a.row < b.row; });
  rows_.clear();
  for (const Wanted& wanted : wanted_) rows_.push_back(wanted.row);
  const std::size_t before = out.rows.size();
  source.fetcher.fetch(rows_, out);
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    const RowKey& key = *keys_[wanted_[i].text];
    ReusedRows::Row& row = out.rows[before + i];
    row.n_tokens = key.n_tokens;
    row.truncated = key.truncated;
    row.check = source.check_all || source.checked.contains(key.row);
    row.origin = RowOrigin::earlier_output;
    row.output = &source.output->name;
    out.row_of[wanted_[i].text] = static_cast<std::uint32_t>(before + i);
  }
}

}  // namespace embedtool
