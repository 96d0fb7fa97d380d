#include "formats/corpus/corpus_sample.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/human.hpp"
#include "formats/corpus/document_copy.hpp"
#include "formats/corpus/dropped_rejects.hpp"
#include "formats/corpus/input_list.hpp"

namespace embedtool {
namespace {

/// What is read at once of the records to choose from.
constexpr BlockLimits kStep{1024, std::size_t{1} << 20U};
/// A block ends after so many bad records as well: what a RejectSink holds back is bounded.
constexpr std::uint64_t kMaxRejectsInBlock = 1024;
/// Of a corpus that is read to its end before its first record comes out.
constexpr std::uint64_t kMaxRejectsHeld = 65536;

/// The output function of splitmix64, a bijection.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

CorpusOptions without_sample(const CorpusOptions& options) {
  CorpusOptions all = options;
  all.sample = 0;
  return all;
}

/// What both ways have in common: the corpus that the sample is part of.
class Sample : public CorpusSource {
 public:
  Sample(const CorpusOptions& options, RejectSink& rejects, OpenCorpus open)
      : options_(without_sample(options)),
        open_(open),
        choice_(options.sample, options.seed),
        all_(open_(options_, rejects)) {}

  SourceProgress progress() const override { return all_->progress(); }
  std::string file_name(std::uint32_t file) const override { return all_->file_name(file); }
  std::span<const std::string> file_names() const override { return all_->file_names(); }
  std::span<const InputDigest> digests() const override { return all_->digests(); }
  const EmptyInputs& empty_inputs() const override { return all_->empty_inputs(); }

 protected:
  bool stopped() const { return options_.stop != nullptr && options_.stop->load(); }

  const CorpusOptions options_;  ///< of all records
  const OpenCorpus open_;
  SampleChoice choice_;
  std::unique_ptr<CorpusSource> all_;
  DocumentBlock step_;
};

/// Of files: a first reading finds the keys, a second one the records.
class SampleOfFiles final : public Sample {
 public:
  using Sample::Sample;

  bool read(DocumentBlock& block, const BlockLimits& limits) override {
    block.clear();
    if (!chosen_ && !choose()) return false;
    const std::uint64_t rejected = all_->progress().rejected;
    const auto has_room = [&] {
      return block.records.size() < limits.records && block.byte_size() < limits.bytes &&
             all_->progress().rejected < rejected + kMaxRejectsInBlock;
    };
    bool more = false;
    while (has_room()) {
      const BlockLimits room{std::min(kStep.records, limits.records - block.records.size()),
                             std::min(kStep.bytes, limits.bytes - block.byte_size())};
      if (!all_->read(step_, room)) return more;
      more = true;
      for (std::size_t i = 0; i < step_.records.size(); ++i) {
        if (choice_.has(choice_.key(step_.records[i].position))) copy_record(step_, i, block);
      }
      block.end = step_.end;
    }
    return true;
  }

  void resume(const ResumePoint& point) override { all_->resume(point); }

  SourceProgress progress() const override {
    SourceProgress progress = all_->progress();
    progress.bytes_read += first_bytes_.load(std::memory_order_relaxed);
    progress.bytes_total *= 2;
    return progress;
  }

 private:
  /// False when stopped.
  bool choose() {
    DroppedRejects dropped;  // they come again
    CorpusOptions quiet = options_;
    quiet.silence();
    const auto source = open_(quiet, dropped);
    while (source->read(step_, kStep)) {
      for (const Record& record : step_.records) choice_.offer(choice_.key(record.position));
      first_bytes_ = source->progress().bytes_read;
    }
    return chosen_ = !stopped();
  }

  bool chosen_ = false;
  std::atomic<std::uint64_t> first_bytes_{0};  ///< of the first reading
};

/// Of inputs that can be read only once: everything is read, and the choice so far is held.
class SampleOfStream final : public Sample {
 public:
  SampleOfStream(const CorpusOptions& options, RejectSink& rejects, OpenCorpus open)
      : Sample(options, rejects, open), size_(options.sample) {}

  bool read(DocumentBlock& block, const BlockLimits& limits) override {
    block.clear();
    if (!collected_ && !collect()) return false;
    if (next_ == held_.size()) return false;
    while (next_ < held_.size() && block.records.size() < limits.records &&
           block.byte_size() < limits.bytes) {
      copy_record(held_[next_].block, 0, block);
      held_[next_++].block = DocumentBlock();
    }
    block.end = next_ == held_.size() ? end_ : block.records.back().position + 1;
    return true;
  }

  void resume(const ResumePoint& point) override { resume_ = point; }

 private:
  struct Held {
    std::uint64_t key = 0;
    DocumentBlock block;  ///< one record

    const Record& record() const { return block.records.front(); }
    std::size_t bytes() const { return sizeof(Held) + sizeof(Record) + block.byte_size(); }
  };

  /// False when stopped.
  bool collect() {
    while (all_->read(step_, kStep)) {
      for (std::size_t i = 0; i < step_.records.size(); ++i) hold(i);
      end_ = step_.end;
      check_room();
    }
    if (stopped()) return false;
    std::sort(held_.begin(), held_.end(),
              [](const Held& a, const Held& b) { return a.record().ordinal < b.record().ordinal; });
    skip();
    return collected_ = true;
  }

  void hold(std::size_t index) {
    const std::uint64_t key = choice_.key(step_.records[index].position);
    if (!choice_.offer(key)) return;
    const auto by_key = [](const Held& a, const Held& b) { return a.key < b.key; };
    if (held_.size() == size_) {
      std::pop_heap(held_.begin(), held_.end(), by_key);
      bytes_ -= held_.back().bytes();
      held_.pop_back();
    }
    Held& held = held_.emplace_back();
    held.key = key;
    copy_record(step_, index, held.block);
    bytes_ += held.bytes();
    std::push_heap(held_.begin(), held_.end(), by_key);
  }

  void check_room() const {
    if (bytes_ > options_.sample_bytes) {
      throw Error(ExitCode::failed,
                  "--sample {}: an input that is a stream is sampled in memory, of which there are "
                  "{}; write it to a file first, raise --memory-limit, or choose fewer records",
                  size_, human_bytes(options_.sample_bytes));
    }
    if (all_->progress().rejected > kMaxRejectsHeld) {
      throw Error(ExitCode::failed,
                  "--sample {}: the stream has more than {} bad records; write it to a file first",
                  size_, kMaxRejectsHeld);
    }
  }

  /// Passes over what an earlier run has dealt with.
  void skip() {
    bool same = resume_.witnesses == 0;
    for (; next_ < held_.size() && held_[next_].record().ordinal < resume_.skip; ++next_) {
      same = same || is_witness(held_[next_].record());
    }
    if (next_ < held_.size()) same = same || is_witness(held_[next_].record());
    if (same) return;
    throw Error(ExitCode::usage,
                "--sample {}: the records that the unfinished output has are not those that are "
                "chosen now: the input has changed; add --overwrite to start over",
                size_);
  }

  bool is_witness(const Record& record) const {
    return record.ordinal + 1 == resume_.witnesses && record.prefix == resume_.prefix;
  }

  const std::uint64_t size_;
  bool collected_ = false;
  std::vector<Held> held_;  ///< until all is read a heap by key; then in order
  std::size_t bytes_ = 0;
  std::size_t next_ = 0;  ///< to come out
  std::uint64_t end_ = 0;
  ResumePoint resume_;
};

}  // namespace

SampleChoice::SampleChoice(std::uint64_t size, std::uint64_t seed)
    : size_(size), state_(mix(seed)) {}

std::uint64_t SampleChoice::key(std::uint64_t position) const {
  return mix(state_ + (position + 1) * 0x9e3779b97f4a7c15U);
}

bool SampleChoice::offer(std::uint64_t key) {
  if (full()) {
    if (size_ == 0 || key > smallest_.front()) return false;
    std::pop_heap(smallest_.begin(), smallest_.end());
    smallest_.pop_back();
  }
  smallest_.push_back(key);
  std::push_heap(smallest_.begin(), smallest_.end());
  return true;
}

bool holds_sample(const CorpusOptions& options) {
  if (options.sample == 0) return false;
  const InputList& files = *options.files;
  for (std::size_t i = 0; i < files.groups().size(); ++i) {
    if (!files.groups()[i].bytes || files.path(files.first_file(i)) == "-") return true;
  }
  return false;
}

std::unique_ptr<CorpusSource> open_sample(const CorpusOptions& options, RejectSink& rejects,
                                          OpenCorpus open) {
  if (holds_sample(options)) return std::make_unique<SampleOfStream>(options, rejects, open);
  return std::make_unique<SampleOfFiles>(options, rejects, open);
}

}  // namespace embedtool
