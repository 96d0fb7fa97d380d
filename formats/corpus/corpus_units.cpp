#include "formats/corpus/corpus_units.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

#include "core/base/error.hpp"
#include "formats/corpus/dropped_rejects.hpp"
#include "formats/corpus/input_list.hpp"
#include "formats/corpus/open_input.hpp"

namespace embedtool {
namespace {

constexpr std::uint64_t kLeastDefault = std::uint64_t{1} << 20U;
constexpr std::uint64_t kMostDefault = std::uint64_t{64} << 20U;
/// Into how many units a corpus is cut by default.
constexpr std::uint64_t kUsualUnits = 1024;

/// What would make ranges of the file possible, as a clause.
std::string remedy_of(const std::string& why, const std::string& name) {
  if (why == "is compressed") return fmt::format("unpack it (zstd -dc {} > FILE)", name);
  if (why == "has fields in quotes") {
    return "add --no-quotes if quotes are ordinary characters in it, or convert it to JSON Lines";
  }
  if (why.starts_with("is not UTF-8")) return "convert it with iconv(1) or dos2unix -c mac";
  return "convert it to JSON Lines or Parquet";
}

/// Cuts one corpus.
class Cutter {
 public:
  Cutter(const CorpusOptions& options, std::uint64_t unit_bytes)
      : files_(*options.files), plan_(options), quiet_(options) {
    cut_.unit_bytes = unit_bytes;
    quiet_.silence();
    quiet_.buffer_bytes = std::min(quiet_.buffer_bytes, kHeadBytes);
  }

  CorpusCut run() {
    for (std::size_t i = 0; i < files_.size(); ++i) add(i);
    flush();
    return std::move(cut_);
  }

 private:
  void add(std::size_t file) {
    const std::string path = files_.path(file);
    const InputFacts facts = inspect_input(path);
    if (!facts.regular || path == "-") {
      throw Error(ExitCode::usage,
                  "{}: {} cannot be encoded in parts: which bytes are whose is not known before it "
                  "is read; write it to a file first",
                  facts.name, path == "-" ? "standard input" : "a pipe");
    }
    const std::string why = facts.size <= cut_.unit_bytes ? "" : uncuttable(path);
    const bool whole = facts.size <= cut_.unit_bytes || !why.empty();
    if (!whole) {
      flush();
      for (std::uint64_t begin = 0; begin < facts.size; begin += cut_.unit_bytes) {
        push({file, 1, true, {begin, std::min(begin + cut_.unit_bytes, facts.size)}, 0});
      }
      return;
    }
    if (!why.empty()) cut_.uncut.push_back({file, facts.size, why, remedy_of(why, facts.name)});
    if (pending_.files > 0 && pending_.range.end + facts.size > cut_.unit_bytes) flush();
    if (pending_.files == 0) pending_.first_file = file;
    ++pending_.files;
    pending_.range.end += facts.size;
  }

  std::string uncuttable(const std::string& path) {
    DroppedRejects dropped;
    RecordBuilder builder(quiet_, plan_, dropped);
    ByteCounters unused;
    OpenInput input(quiet_, path, nullptr, plan_, builder, unused);
    input.prepare(Wait::yes);
    return input.uncuttable();
  }

  /// The whole files that are waiting become a unit.
  void flush() {
    if (pending_.files > 0) push(pending_);
    pending_ = {0, 0, false, {}, 0};
  }

  void push(CorpusUnit unit) {
    if (cut_.units.size() == kMaxUnits) {
      throw Error(ExitCode::usage,
                  "--unit {}: cuts the inputs into more than {} units; choose a larger size",
                  cut_.unit_bytes, kMaxUnits);
    }
    unit.start = start_;
    start_ += unit.bytes();
    cut_.units.push_back(unit);
  }

  const InputList& files_;
  const FieldPlan plan_;
  CorpusOptions quiet_;
  CorpusCut cut_;
  CorpusUnit pending_{0, 0, false, {}, 0};
  std::uint64_t start_ = 0;
};

}  // namespace

std::uint64_t default_unit_bytes(std::uint64_t total) {
  return std::clamp(std::bit_ceil(total / kUsualUnits), kLeastDefault, kMostDefault);
}

CorpusCut cut_corpus(const CorpusOptions& options, std::uint64_t unit_bytes) {
  return Cutter(options, unit_bytes).run();
}

}  // namespace embedtool
