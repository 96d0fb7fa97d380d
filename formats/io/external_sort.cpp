#include "formats/io/external_sort.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "core/base/check.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kLeastMemory = std::size_t{1} << 20U;
/// So many runs are merged into one before there are more: each is an open file with a buffer.
constexpr std::size_t kMostRuns = 128;
constexpr std::size_t kLeastBuffer = std::size_t{16} << 10U;

/// The first eight bytes as a number in the order of the bytes.
std::uint64_t head_of(std::string_view record) {
  std::uint64_t head = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    head = head << 8U | (i < record.size() ? static_cast<unsigned char>(record[i]) : 0U);
  }
  return head;
}

void put(ScratchFile& file, std::string_view record) {
  const auto size = static_cast<std::uint32_t>(record.size());
  file.write(std::as_bytes(std::span(&size, 1)));
  file.write(std::as_bytes(std::span(record)));
}

}  // namespace

/// A sorted run on disk, read front to back.
class ExternalSort::Run {
 public:
  explicit Run(const std::string& folder) : file_(folder) {}

  void put(std::string_view record) { embedtool::put(file_, record); }
  void start_reading(std::size_t buffer) {
    file_.flush();
    buffer_.resize(buffer);
    advance();
  }
  /// The record that it stands at; none at its end.
  const std::optional<std::string>& current() const { return current_; }
  void advance() {
    std::uint32_t size = 0;
    if (!take(reinterpret_cast<char*>(&size), sizeof(size))) {
      current_.reset();
      return;
    }
    if (!current_) current_.emplace();
    current_->resize(size);
    take(current_->data(), size);
  }

 private:
  /// False at the end of the run.
  bool take(char* out, std::size_t size) {
    while (size > 0) {
      if (at_ == filled_) {
        filled_ = static_cast<std::size_t>(
            std::min<std::uint64_t>(buffer_.size(), file_.size() - position_));
        if (filled_ == 0) return false;
        file_.read_at(position_, std::span(buffer_).first(filled_));
        position_ += filled_;
        at_ = 0;
      }
      const std::size_t part = std::min(size, filled_ - at_);
      std::memcpy(out, buffer_.data() + at_, part);
      at_ += part;
      out += part;
      size -= part;
    }
    return true;
  }

  ScratchFile file_;
  std::vector<std::byte> buffer_;
  std::size_t at_ = 0;
  std::size_t filled_ = 0;
  std::uint64_t position_ = 0;
  std::optional<std::string> current_;
};

ExternalSort::ExternalSort(std::string folder, std::size_t memory)
    : folder_(std::move(folder)), memory_(std::max(memory, kLeastMemory)) {}

ExternalSort::~ExternalSort() = default;

std::string_view ExternalSort::view(const Entry& entry) const {
  return std::string_view(bytes_).substr(entry.offset, entry.size);
}

void ExternalSort::add(std::string_view record) {
  EMBEDTOOL_CHECK(!reading_ && record.size() <= (std::size_t{1} << 30U));
  const std::size_t held = bytes_.size() + entries_.size() * sizeof(Entry);
  // Arrays grow by doubling, so that half of the memory is what they may hold.
  if (held > 0 && held + record.size() + sizeof(Entry) > memory_ / 2) spill();
  entries_.push_back({head_of(record), bytes_.size(), static_cast<std::uint32_t>(record.size())});
  bytes_.append(record);
  ++added_;
}

void ExternalSort::sort_entries() {
  std::sort(entries_.begin(), entries_.end(), [this](const Entry& a, const Entry& b) {
    if (a.head != b.head) return a.head < b.head;
    return view(a) < view(b);
  });
}

void ExternalSort::spill() {
  if (runs_.size() == kMostRuns) merge_all();
  sort_entries();
  auto run = std::make_unique<Run>(folder_);
  for (const Entry& entry : entries_) run->put(view(entry));
  runs_.push_back(std::move(run));
  entries_.clear();
  bytes_.clear();
}

/// Many runs become one.
void ExternalSort::merge_all() {
  std::vector<Entry> entries = std::exchange(entries_, {});
  std::string bytes = std::exchange(bytes_, {});
  auto merged = std::make_unique<Run>(folder_);
  start_reading();
  while (const auto record = next()) merged->put(*record);
  heap_.clear();
  runs_.clear();
  runs_.push_back(std::move(merged));
  reading_ = false;
  taken_ = false;
  entries_ = std::move(entries);
  bytes_ = std::move(bytes);
}

void ExternalSort::start_reading() {
  reading_ = true;
  const std::size_t buffer =
      std::max(kLeastBuffer, memory_ / 4 / std::max(runs_.size(), std::size_t{1}));
  for (const auto& run : runs_) {
    run->start_reading(buffer);
    if (run->current()) heap_.push_back(run.get());
  }
  std::make_heap(heap_.begin(), heap_.end(),
                 [](const Run* a, const Run* b) { return *a->current() > *b->current(); });
}

/// The first run has another record now, or none: restores the order of the heap.
void ExternalSort::sift() {
  const auto after = [](const Run* a, const Run* b) { return *a->current() > *b->current(); };
  heap_.front()->advance();
  if (!heap_.front()->current()) {
    std::swap(heap_.front(), heap_.back());
    heap_.pop_back();
  }
  for (std::size_t at = 0;;) {
    std::size_t least = at;
    for (const std::size_t child : {2 * at + 1, 2 * at + 2}) {
      if (child < heap_.size() && after(heap_[least], heap_[child])) least = child;
    }
    if (least == at) return;
    std::swap(heap_[at], heap_[least]);
    at = least;
  }
}

std::optional<std::string_view> ExternalSort::next() {
  if (!reading_ && runs_.empty()) {
    sort_entries();
    reading_ = true;
  } else if (!reading_) {
    if (!entries_.empty()) spill();
    std::vector<Entry>().swap(entries_);
    std::string().swap(bytes_);
    start_reading();
  }
  if (runs_.empty()) {
    if (next_ == entries_.size()) return std::nullopt;
    return view(entries_[next_++]);
  }
  if (std::exchange(taken_, true) && !heap_.empty()) sift();
  if (heap_.empty()) return std::nullopt;
  return *heap_.front()->current();
}

}  // namespace embedtool
