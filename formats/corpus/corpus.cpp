#include "formats/corpus/corpus.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/base/human.hpp"
#include "formats/corpus/corpus_reader.hpp"
#include "formats/corpus/corpus_sample.hpp"
#include "formats/corpus/corpus_units.hpp"
#include "formats/corpus/dropped_rejects.hpp"
#include "formats/corpus/input_digest.hpp"
#include "formats/corpus/input_list.hpp"
#include "formats/corpus/open_input.hpp"
#include "formats/io/field_value.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kMinLine = 16;
constexpr std::size_t kMaxDepth = 1000;
/// A block ends after so many bad records as well: what a RejectSink holds back is bounded.
constexpr std::uint64_t kMaxRejectsInBlock = 1024;
/// Records that are looked at before work starts.
constexpr std::uint64_t kRehearsed = 100;
/// Empty files that are named.
constexpr std::size_t kEmptyExamples = 8;

class Corpus final : public CorpusSource {
 public:
  Corpus(const CorpusOptions& options, RejectSink& rejects)
      : options_(options),
        quiet_(options),
        files_(options_.files ? options_.files : std::make_shared<const InputList>(options_)),
        plan_(options_),
        builder_(options_, plan_, rejects) {
    quiet_.silence();
    digests_.reserve(files_->groups().size());
    if (!options_.units) whole_.files = files_->size();
    for (const CorpusUnit& unit : units()) total_bytes_ += unit.bytes();
    if (!options_.units) total_bytes_ = files_->total_bytes();
    check_files();
    check_kept_fields();
  }

  bool read(DocumentBlock& block, const BlockLimits& limits) override {
    block.clear();
    builder_.bind(block);
    if (!skip(block)) return false;
    std::uint64_t rejected = 0;
    const auto is_empty = [&] { return rejected == 0 && block.records.empty(); };
    const auto has_room = [&] {
      return block.records.size() < limits.records && block.byte_size() < limits.bytes &&
             rejected < kMaxRejectsInBlock;
    };
    // The first record is waited for. After that only what is there already is taken, so that a
    // slow producer's records go on at once.
    while (is_empty() || has_room()) {
      if (stopped()) break;
      const RecordReader::Step step = advance(is_empty() ? Wait::yes : Wait::no);
      if (step == RecordReader::Step::blocked || step == RecordReader::Step::end) break;
      if (step == RecordReader::Step::rejected) ++rejected;
    }
    block.end = builder_.position();
    return !is_empty();
  }

  SourceProgress progress() const override {
    SourceProgress progress;
    progress.bytes_read = counters_.packed.load(std::memory_order_relaxed);
    progress.bytes_total = options_.limit > 0 ? 0 : total_bytes_;  // how far it goes is not known
    progress.bytes_unpacked = counters_.unpacked.load(std::memory_order_relaxed);
    progress.records = builder_.accepted();
    progress.rejected = builder_.rejected();
    progress.duplicate_ids = builder_.duplicate_ids();
    progress.all_ids_known = builder_.all_ids_known();
    return progress;
  }

  std::string file_name(std::uint32_t file) const override { return files_->name(file); }
  std::span<const std::string> file_names() const override {
    // Wanted by errors that end the run; until then a million names stay packed.
    std::call_once(named_, [this] {
      for (std::size_t i = 0; i < files_->size(); ++i) names_.push_back(files_->name(i));
    });
    return names_;
  }
  std::span<const InputDigest> digests() const override { return digests_; }
  const EmptyInputs& empty_inputs() const override { return empty_; }
  void resume(const ResumePoint& point) override {
    EMBEDTOOL_CHECK(builder_.accepted() == 0);  // called before the first read()
    resume_ = point;
  }

 private:
  /// Everything that can be known to fail before work starts, fails here.
  void check_files() {
    CorpusOptions quiet = options_;
    quiet.silence();  // it is said when the file is read
    quiet.buffer_bytes = std::min(quiet.buffer_bytes, kHeadBytes);
    std::size_t next = 0;  // of a file that several units are ranges of, once
    for (const CorpusUnit& unit : units()) {
      const std::size_t end = unit.first_file + unit.files;
      for (std::size_t i = std::max(next, unit.first_file); i < end; ++i) {
        if (stopped()) return;
        const std::string path = files_->path(i);
        if (!inspect_input(path).regular || path == "-") continue;
        ByteCounters unused;
        OpenInput(quiet, path, nullptr, plan_, builder_, unused).prepare(Wait::yes);
      }
      next = std::max(next, end);
    }
  }

  std::span<const CorpusUnit> units() const {
    return options_.units ? std::span<const CorpusUnit>(*options_.units)
                          : std::span<const CorpusUnit>(&whole_, 1);
  }

  /// Says which fields to keep the first records do not have: most likely they are misspelt.
  void check_kept_fields() {
    if (options_.keep.empty() || !options_.warn) return;
    DroppedRejects dropped;
    RecordBuilder builder(options_, plan_, dropped);
    ByteCounters unused;
    const std::string path = files_->path(0);
    if (path == "-" || !inspect_input(path).regular) return;
    CorpusOptions quiet = options_;
    quiet.silence();
    OpenInput file(quiet, path, nullptr, plan_, builder, unused);
    builder.set_file(0, path, file.window());
    DocumentBlock block;
    builder.bind(block);
    for (std::uint64_t i = 0; i < kRehearsed; ++i) {
      const RecordReader::Step step = file.next(Wait::yes);
      if (step == RecordReader::Step::end || step == RecordReader::Step::blocked) break;
      block.clear();
    }
    if (builder.accepted() == 0) return;
    for (std::size_t i = 0; i < options_.keep.size(); ++i) {
      if (builder.has_seen_kept(i)) continue;
      check_type_word(options_.keep[i], builder.first_names());
      options_.warn(
          fmt::format("none of the first {} records of {} has the field '{}'; they have {}",
                      builder.accepted(), files_->name(0), kept_field(options_.keep[i]).name,
                      builder.first_names().empty() ? "none" : builder.first_names()));
    }
  }

  /// Throws Error(usage) where a field that there is not is one that there is and a misspelt type.
  /// `names` are quoted.
  static void check_type_word(const std::string& word, const std::string& names) {
    const std::size_t colon = word.rfind(':');
    if (colon == std::string::npos || kept_field(word).type != FieldType::string) return;
    const std::string field = word.substr(0, colon);
    if (names.find(fmt::format("'{}'", field)) == std::string::npos) return;
    throw Error(ExitCode::usage, "--keep {}: '{}' is not one of the types {}", word,
                word.substr(colon + 1), word_list<FieldType>());
  }

  bool stopped() const { return options_.stop != nullptr && options_.stop->load(); }

  /// The next record, across files.
  RecordReader::Step advance(Wait wait) {
    if (options_.limit > 0 && builder_.position() >= options_.limit) {
      return RecordReader::Step::end;
    }
    while (file_ || open_next()) {
      const RecordReader::Step step = file_->next(wait);
      if (step != RecordReader::Step::end) return step;
      close_file();
    }
    return RecordReader::Step::end;
  }

  /// Passes over the records that an earlier run has dealt with; nothing is handed out before the
  /// input has shown itself to be the same. Leaves `block` empty, or with one record too many read.
  /// False when stopped.
  bool skip(DocumentBlock& block) {
    std::uint64_t prefix = resume_.prefix;
    while (builder_.accepted() < std::max(resume_.skip, resume_.witnesses)) {
      if (stopped()) return false;
      const RecordReader::Step step = advance(Wait::yes);
      if (step == RecordReader::Step::blocked) return false;
      if (step == RecordReader::Step::end) fail_changed();
      if (step == RecordReader::Step::rejected) continue;
      if (builder_.accepted() == resume_.witnesses) prefix = block.records.back().prefix;
      if (builder_.accepted() <= resume_.skip) block.clear();
    }
    if (prefix != resume_.prefix) fail_changed();
    return true;
  }

  [[noreturn]] void fail_changed() const {
    throw Error(ExitCode::usage,
                "{}: its first {} records are not those of the unfinished output: the input has "
                "changed; add --overwrite to start over",
                files_->name(std::max<std::size_t>(next_file_, 1) - 1), resume_.witnesses);
  }

  /// Opens the next file; false when there is none.
  bool open_next() {
    if (unit_ == units().size()) return false;
    const CorpusUnit& unit = units()[unit_];
    next_file_ = unit.first_file + files_of_unit_;
    const std::string path = files_->path(next_file_);
    // What there is to say of a file is said once, not for each of its ranges.
    const CorpusOptions& options = unit.range.begin > 0 ? quiet_ : options_;
    file_.emplace(options, path, unit.cut ? &unit.range : nullptr, plan_, builder_, counters_);
    builder_.set_file(static_cast<std::uint32_t>(next_file_), path, file_->window());
    ++next_file_;
    file_begins_ = builder_.position();
    return true;
  }

  /// One of a unit's files has been read.
  void end_unit_file(const InputDigest& digest) {
    const CorpusUnit& unit = units()[unit_];
    if (options_.unit_ended) {
      unit_end_.files.push_back(digest);
      if (unit.cut) unit_end_.lines = file_->line_ends();
    }
    if (++files_of_unit_ < unit.files) return;
    unit_end_.index = unit_;
    unit_end_.position = builder_.position();
    ++unit_;
    files_of_unit_ = 0;
    if (options_.unit_ended) options_.unit_ended(unit_end_);
    unit_end_ = UnitEnd();
  }

  void describe_file() const {
    const std::string_view packed = file_->compression();
    options_.detail(fmt::format("{}: {}{}{}, {}", files_->name(next_file_ - 1),
                                file_->format().name, packed.empty() ? "" : " in ", packed,
                                human_count(builder_.position() - file_begins_, "record")));
  }

  /// The file at hand has been read to its end.
  [[gnu::noinline]] void close_file() {
    const InputDigest digest = file_->digest();
    if (options_.detail) describe_file();
    end_unit_file(digest);
    if (options_.units) return file_.reset();
    group_.add(files_->path(next_file_ - 1), digest);
    ++empty_.files;
    if (digest.empty && empty_.count++ < kEmptyExamples) {
      empty_.examples.push_back(
          fmt::format("{}: is empty ({})", files_->name(next_file_ - 1),
                      digest.bytes == 0 ? "0 bytes" : "nothing after decompression"));
    }
    file_.reset();
    const std::size_t group = digests_.size();
    if (next_file_ < files_->first_file(group) + files_->groups()[group].files) return;
    digests_.push_back(group_.sum(files_->groups()[group].many));
    group_ = GroupDigest();
  }

  const CorpusOptions options_;
  CorpusOptions quiet_;  ///< the same without warn
  const std::shared_ptr<const InputList> files_;
  const FieldPlan plan_;
  RecordBuilder builder_;
  ByteCounters counters_;
  CorpusUnit whole_;  ///< where no units are asked for: all files
  std::uint64_t total_bytes_ = 0;
  std::size_t unit_ = 0;           ///< that is being read
  std::size_t files_of_unit_ = 0;  ///< that have been read
  UnitEnd unit_end_;               ///< of that unit, so far
  std::size_t next_file_ = 0;
  std::uint64_t file_begins_ = 0;  ///< the position of its first record
  std::optional<OpenInput> file_;
  GroupDigest group_;  ///< of the files of it that have been read
  std::vector<InputDigest> digests_;
  EmptyInputs empty_;
  mutable std::once_flag named_;
  mutable std::vector<std::string> names_;
  ResumePoint resume_;
};

void check_options(const CorpusOptions& options) {
  if (!options.format.empty() && find_input_format(options.format) == nullptr) {
    std::string names;
    for (const std::string_view name : input_format_names()) {
      names += (names.empty() ? "" : ", ") + std::string(name);
    }
    throw Error(ExitCode::usage, "unknown input format '{}'; use one of {}", options.format, names);
  }
  if (options.max_line_bytes < kMinLine) {
    throw Error(ExitCode::usage, "the maximum line length must be at least {} bytes", kMinLine);
  }
  if (options.max_depth == 0 || options.max_depth > kMaxDepth) {
    throw Error(ExitCode::usage, "the JSON nesting limit must be from 1 to {}", kMaxDepth);
  }
}

}  // namespace

std::unique_ptr<CorpusSource> open_corpus(const CorpusOptions& options, RejectSink& rejects) {
  check_options(options);
  const auto open = [](const CorpusOptions& all, RejectSink& sink) {
    return std::unique_ptr<CorpusSource>(std::make_unique<Corpus>(all, sink));
  };
  if (options.sample == 0) return open(options, rejects);
  CorpusOptions found = options;
  if (!found.files) found.files = std::make_shared<const InputList>(options);
  return open_sample(found, rejects, open);
}

}  // namespace embedtool
