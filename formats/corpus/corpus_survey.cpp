#include "formats/corpus/corpus_survey.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <unordered_set>
#include <utility>

#include "core/base/hash.hpp"
#include "core/base/profile.hpp"
#include "formats/corpus/corpus.hpp"
#include "formats/corpus/corpus_units.hpp"
#include "formats/corpus/document_copy.hpp"
#include "formats/corpus/input_list.hpp"
#include "formats/corpus/open_input.hpp"

namespace embedtool {
namespace {

constexpr BlockLimits kStep{1024, std::size_t{1} << 20U};
/// Of the ranges that are read here and there, the smallest size, and how many there are at most.
constexpr std::uint64_t kRangeBytes = std::uint64_t{256} << 10U;
constexpr std::uint64_t kMostRanges = 500000;
/// Before the spread of the ranges is trusted.
constexpr std::size_t kLeastRanges = 32;
constexpr double kLeastSeconds = 1;
/// Records of a file that is read from end to end whose tokens are counted.
constexpr std::size_t kCountedRecords = 65536;
/// Of these, so many whatever time it takes.
constexpr double kLeastCounted = 1000;

double seconds_since(std::uint64_t begin_ns) {
  return static_cast<double>(monotonic_ns() - begin_ns) / 1e9;
}

/// Counts bad records and forgets them.
class CountedRejects final : public RejectSink {
 public:
  void add(const Reject& /*reject*/) override { ++count_; }
  std::uint64_t count() const { return count_; }

 private:
  std::uint64_t count_ = 0;
};

/// What was counted in some records.
struct Tally {
  double records = 0;
  double left_out = 0;
  double rows = 0;
  double tokens = 0;
  double truncated = 0;

  Tally() = default;
  explicit Tally(const RecordCost& cost) : records(1) {
    left_out = cost.rows == 0 ? 1 : 0;
    rows = static_cast<double>(cost.rows);
    tokens = static_cast<double>(cost.tokens);
    truncated = cost.truncated ? 1 : 0;
  }
};

// The same figures, in the same order.
constexpr double Tally::*kFigures[] = {&Tally::records, &Tally::left_out, &Tally::rows,
                                       &Tally::tokens, &Tally::truncated};
constexpr Estimate CorpusSurvey::*kEstimates[] = {&CorpusSurvey::records, &CorpusSurvey::left_out,
                                                  &CorpusSurvey::rows, &CorpusSurvey::tokens,
                                                  &CorpusSurvey::truncated};

/// Adds what another part of the corpus comes to.
void add_to(Estimate& sum, double value, double error) {
  sum.value += value;
  sum.error = std::sqrt(sum.error * sum.error + error * error);
}

/// What was counted in a range.
struct RangeTally {
  std::size_t place = 0;  ///< in the corpus
  double bytes = 0;
  Tally tally;
};

/// A sum over all ranges, which have `all_bytes`, from some of them in the order of their places:
/// the ratio estimator. Since the ranges are spread evenly, its error follows from how much
/// neighbours differ, not from how much all do: a corpus may well consist of unlike parts.
Estimate estimate_total(const std::vector<RangeTally>& ranges, double Tally::*figure,
                        double all_bytes) {
  double bytes = 0;
  double value = 0;
  for (const RangeTally& range : ranges) {
    bytes += range.bytes;
    value += range.tally.*figure;
  }
  if (bytes <= 0) return {};
  const double ratio = value / bytes;
  const double left = std::max(0.0, 1 - bytes / all_bytes);  // of what is not known yet
  const auto n = static_cast<double>(ranges.size());
  double squares = 0;
  double before = 0;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const double rest = ranges[i].tally.*figure - ratio * ranges[i].bytes;
    if (i > 0) squares += (rest - before) * (rest - before);
    before = rest;
  }
  const double spread = n > 1 ? squares / (2 * (n - 1)) : value * value;
  return {ratio * all_bytes, all_bytes / bytes * std::sqrt(n * spread * left)};
}

/// A uniform choice of records, with their contents, within a number and a size: those with the
/// smallest random keys (see SampleChoice).
class RecordPool {
 public:
  RecordPool(std::size_t records, std::size_t bytes) : records_(records), bytes_(bytes) {}

  void offer(const DocumentBlock& from, std::size_t index) {
    const std::uint64_t key = random_();
    if (key >= bound_) return;
    Held held{key, std::make_unique<DocumentBlock>()};
    copy_record(from, index, *held.block);
    held_bytes_ += held.block->byte_size() + sizeof(Record);
    held_.push_back(std::move(held));
    std::push_heap(held_.begin(), held_.end(), by_key);
    while (held_.size() > 1 && (held_.size() > records_ || held_bytes_ > bytes_)) drop_largest();
  }

  /// Calls take(block of one record) for each, in a random order.
  template <typename Take>
  void for_each(const Take& take) {
    std::sort_heap(held_.begin(), held_.end(), by_key);
    for (const Held& held : held_) take(*held.block);
  }
  std::size_t size() const { return held_.size(); }

 private:
  struct Held {
    std::uint64_t key = 0;
    std::unique_ptr<DocumentBlock> block;
  };
  static bool by_key(const Held& a, const Held& b) { return a.key < b.key; }

  void drop_largest() {
    std::pop_heap(held_.begin(), held_.end(), by_key);
    bound_ = held_.back().key;
    held_bytes_ -= held_.back().block->byte_size() + sizeof(Record);
    held_.pop_back();
  }

  const std::size_t records_;
  const std::size_t bytes_;
  std::mt19937_64 random_{1};  // the same estimate every time
  std::uint64_t bound_ = UINT64_MAX;
  std::size_t held_bytes_ = 0;
  std::vector<Held> held_;
};

/// Opens one file of a corpus far enough to tell what it is, and returns use(it).
template <typename Use>
auto with_input(const CorpusOptions& options, std::size_t file, const Use& use) {
  const FieldPlan fields(options);
  CountedRejects rejects;
  RecordBuilder builder(options, fields, rejects);
  ByteCounters unused;
  OpenInput input(options, options.files->path(file), nullptr, fields, builder, unused);
  input.prepare(Wait::yes);
  return use(input);
}

bool is_columns(const CorpusOptions& options, std::size_t file) {
  return with_input(options, file, [](const OpenInput& input) { return input.format().binary; });
}

/// "jsonl", "csv (gzip)"
std::string format_of_file(const CorpusOptions& options, std::size_t file) {
  return with_input(options, file, [](const OpenInput& input) {
    const std::string_view packed = input.compression();
    return packed.empty() ? std::string(input.format().name)
                          : fmt::format("{} ({})", input.format().name, packed);
  });
}

/// The numbers below n in another order: multiples of the golden ratio, which fill a circle evenly
/// wherever one stops.
std::vector<std::size_t> spread_out(std::size_t n) {
  constexpr double kGolden = 0.6180339887;
  auto step = std::max<std::size_t>(1, static_cast<std::size_t>(kGolden * static_cast<double>(n)));
  while (std::gcd(step, n) != 1) ++step;
  std::vector<std::size_t> order(n);
  for (std::size_t i = 0, at = 0; i < n; ++i, at = (at + step) % n) order[i] = at;
  return order;
}

/// One survey.
class Survey {
 public:
  Survey(const CorpusOptions& options, const SurveyPlan& plan) : options_(options), plan_(plan) {
    // Opened once as a run opens it, which says what is wrong with the fields to keep.
    CorpusOptions as_run = options;
    as_run.sample = 0;
    open_corpus(as_run, rejects_);
    options_.silence();
  }

  CorpusSurvey run() {
    if (options_.limit > 0 || options_.sample > 0) {
      read_through(open_corpus(options_, rejects_), 1);
    } else {
      sort_units();
      if (!whole_.empty()) read_through(open_whole(), whole_bytes_ / total_bytes());
      if (!ranges_.empty()) read_ranges();
    }
    return std::move(survey_);
  }

 private:
  bool stopped() const { return options_.stop != nullptr && options_.stop->load(); }
  double total_bytes() const { return std::max(1.0, whole_bytes_ + range_bytes_); }
  void tell(double done) const {
    if (plan_.progress) plan_.progress(std::min(1.0, done));
  }

  /// Which parts are read from end to end, and which here and there: of columns, a range of bytes
  /// says little about what is in it.
  void sort_units() {
    const std::uint64_t total = options_.files->total_bytes();
    const std::uint64_t range = std::max(kRangeBytes, std::bit_ceil(total / kMostRanges));
    for (const CorpusUnit& unit : cut_corpus(options_, range).units) {
      const auto bytes = static_cast<double>(unit.bytes());
      if (unit.bytes() <= range && !has_columns(unit)) {
        range_bytes_ += bytes;
        ranges_.push_back(unit);
        continue;
      }
      whole_bytes_ += bytes;
      for (std::size_t i = unit.first_file; i < unit.first_file + unit.files; ++i) {
        if (whole_.empty() || whole_.back() != i) whole_.push_back(i);
      }
    }
  }

  bool has_columns(const CorpusUnit& unit) {
    for (std::size_t i = unit.first_file; i < unit.first_file + unit.files; ++i) {
      if (asked_file_ != i) has_columns_ = is_columns(options_, i);
      asked_file_ = i;
      if (has_columns_) return true;
    }
    return false;
  }

  std::unique_ptr<CorpusSource> open_whole() {
    CorpusOptions options = options_;
    options.inputs.clear();
    for (const std::size_t file : whole_) options.inputs.push_back(options_.files->path(file));
    options.files_from.clear();
    options.globs.clear();
    options.files = std::make_shared<const InputList>(options);
    return open_corpus(options, rejects_);
  }

  /// Reads everything, and counts the tokens of some records.
  void read_through(std::unique_ptr<CorpusSource> source, double share) {
    RecordPool pool(kCountedRecords, plan_.pool_bytes);
    double records = 0;
    DocumentBlock block;
    const std::uint64_t cpu = thread_cpu_ns();
    while (source->read(block, kStep)) {
      for (std::size_t i = 0; i < block.records.size(); ++i) pool.offer(block, i);
      records += static_cast<double>(block.records.size());
      const SourceProgress now = source->progress();
      if (now.bytes_total > 0) {
        tell(share * static_cast<double>(now.bytes_read) / static_cast<double>(now.bytes_total));
      }
    }
    survey_.read_seconds += static_cast<double>(thread_cpu_ns() - cpu) / 1e9;
    add_to(survey_.rejected, static_cast<double>(source->progress().rejected), 0);
    extrapolate(pool, records);
  }

  /// From the records in the pool to all.
  void extrapolate(RecordPool& pool, double records) {
    Tally sum;
    Tally squares;
    double distinct_tokens = 0;
    std::unordered_set<std::uint64_t> texts;
    const std::uint64_t begin = monotonic_ns();
    pool.for_each([&](const DocumentBlock& block) {
      // The order is random, so that the first of them are a fair choice as well.
      if (stopped() || (sum.records >= kLeastCounted && seconds_since(begin) > plan_.seconds)) {
        return;
      }
      const Tally one(plan_.cost(block, block.records.front()));
      for (const auto figure : kFigures) {
        sum.*figure += one.*figure;
        squares.*figure += one.*figure * (one.*figure);
      }
      if (texts.insert(hash_of(block)).second) distinct_tokens += one.tokens;
      keep(block, 0, one);
    });
    if (sum.records == 0) return;
    const double n = sum.records;
    const double left = 1 - n / records;
    for (std::size_t i = 0; i < std::size(kFigures); ++i) {
      const double mean = sum.*kFigures[i] / n;
      const double spread = std::max(0.0, squares.*kFigures[i] / n - mean * mean);
      add_to(survey_.*kEstimates[i], mean * records, records * std::sqrt(spread * left / n));
    }
    survey_.counted &= left == 0;
    if (left == 0 && sum.tokens > 0) survey_.distinct = distinct_tokens / sum.tokens;
  }

  /// Reads ranges, each as far from the ones before as possible, until that is enough.
  void read_ranges() {
    const std::vector<std::size_t> order = spread_out(ranges_.size());
    const auto spread = std::make_shared<std::vector<CorpusUnit>>();
    for (const std::size_t place : order) spread->push_back(ranges_[place]);
    std::vector<std::uint64_t> ends;  ///< positions behind the ranges that were read
    CorpusOptions options = options_;
    options.buffer_bytes = std::min<std::size_t>(options.buffer_bytes, kRangeBytes);
    options.units = spread;
    options.id_from = IdFrom::offset;  // a position is not known in a part
    options.unit_ended = [&ends](const UnitEnd& end) { ends.push_back(end.position); };
    const std::uint64_t begin = monotonic_ns();
    const auto source = open_corpus(options, rejects_);
    DocumentBlock block;
    Tally range;
    std::uint64_t cpu = 0;
    double read_bytes = 0;
    std::vector<RangeTally> done;
    const auto end_range = [&] {
      const auto bytes = static_cast<double>((*spread)[done.size()].bytes());
      done.push_back({order[done.size()], bytes, std::exchange(range, Tally())});
      read_bytes += bytes;
    };
    while (!is_enough(done, seconds_since(begin))) {
      const std::uint64_t before = thread_cpu_ns();
      const bool more = source->read(block, kStep);
      cpu += thread_cpu_ns() - before;
      for (std::size_t i = 0; i < block.records.size(); ++i) {
        while (done.size() < ends.size() && block.records[i].position >= ends[done.size()]) {
          end_range();
        }
        add_record(block, i, range);
      }
      while (done.size() < ends.size() && block.end >= ends[done.size()]) end_range();
      tell(std::max(seconds_since(begin) / plan_.seconds, read_bytes / range_bytes_));
      if (!more) break;
    }
    while (done.size() < ends.size()) end_range();
    sort_by_place(done);
    for (std::size_t i = 0; i < std::size(kFigures); ++i) {
      const Estimate total = estimate_total(done, kFigures[i], range_bytes_);
      add_to(survey_.*kEstimates[i], total.value, total.error);
    }
    survey_.counted &= done.size() == spread->size();
    if (read_bytes <= 0) return;
    const double scale = range_bytes_ / read_bytes;
    const auto rejected = static_cast<double>(source->progress().rejected);
    add_to(survey_.rejected, rejected * scale, scale > 1 ? std::sqrt(rejected) * scale : 0);
    survey_.read_seconds += static_cast<double>(cpu) / 1e9 * scale;
  }

  static void sort_by_place(std::vector<RangeTally>& ranges) {
    std::sort(ranges.begin(), ranges.end(),
              [](const RangeTally& a, const RangeTally& b) { return a.place < b.place; });
  }

  void add_record(const DocumentBlock& block, std::size_t index, Tally& range) {
    const Tally one(plan_.cost(block, block.records[index]));
    for (const auto figure : kFigures) range.*figure += one.*figure;
    keep(block, index, one);
  }

  /// Takes a record into the pool, while there is room.
  void keep(const DocumentBlock& block, std::size_t index, const Tally& one) {
    if (one.rows == 0 || survey_.pool.byte_size() >= plan_.pool_bytes) return;
    copy_record(block, index, survey_.pool);
  }

  /// Of the only record's text or ids.
  static std::uint64_t hash_of(const DocumentBlock& block) {
    const Record& record = block.records.front();
    if (record.kind == RecordKind::text) return hash128(block.text(record)).low;
    return hash128(block.token_ids.data(), block.token_ids.size() * sizeof(TokenId), 1).low;
  }

  bool is_enough(const std::vector<RangeTally>& done, double seconds) {
    if (stopped()) return true;
    if (done.size() < kLeastRanges || seconds < kLeastSeconds) return false;
    if (seconds > plan_.seconds) return true;
    if (done.size() < next_look_) return false;
    next_look_ = done.size() + done.size() / 4;
    std::vector<RangeTally> sorted = done;
    sort_by_place(sorted);
    const Estimate tokens = estimate_total(sorted, &Tally::tokens, range_bytes_);
    return tokens.value > 0 && tokens.error <= plan_.precision * tokens.value;
  }

  CorpusOptions options_;
  const SurveyPlan& plan_;
  CountedRejects rejects_;
  std::vector<std::size_t> whole_;  ///< files that are read from end to end
  std::vector<CorpusUnit> ranges_;
  double whole_bytes_ = 0;
  double range_bytes_ = 0;
  std::optional<std::size_t> asked_file_;
  bool has_columns_ = false;   ///< that file
  std::size_t next_look_ = 0;  ///< at the precision, when so many ranges were read
  CorpusSurvey survey_;
};

}  // namespace

CorpusSurvey survey_corpus(const CorpusOptions& options, const SurveyPlan& plan) {
  return Survey(options, plan).run();
}

std::vector<InputDescription> describe_inputs(const CorpusOptions& options) {
  CorpusOptions quiet = options;
  quiet.buffer_bytes = kHeadBytes;
  const InputList& files = *options.files;
  std::vector<InputDescription> inputs;
  for (std::size_t g = 0; g < files.groups().size(); ++g) {
    const InputGroup& group = files.groups()[g];
    std::set<std::string> formats;
    const std::size_t first = files.first_file(g);
    for (std::size_t i = first; i < first + group.files; ++i) {
      formats.insert(format_of_file(quiet, i));
    }
    inputs.push_back({group.name, group.files, group.bytes.value_or(0),
                      fmt::format("{}", fmt::join(formats, ", "))});
  }
  return inputs;
}

}  // namespace embedtool
