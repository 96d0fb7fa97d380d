#include "formats/output/row_lookup.hpp"

#include <algorithm>
#include <utility>

namespace embedtool {
namespace {

constexpr std::size_t kLeastBlock = 32768;

std::uint64_t median(std::vector<std::uint64_t>& rows) {
  const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2);
  std::nth_element(rows.begin(), middle, rows.end());
  return *middle;
}

/// Whether most of the rows are far from each other. A few are no matter.
bool are_scattered(std::vector<std::uint64_t> rows) {
  constexpr std::size_t kFew = 64;
  constexpr std::uint64_t kNear = 4;  ///< rows: all that lie between are decoded too
  if (rows.size() < kFew) return false;
  std::sort(rows.begin(), rows.end());
  std::size_t near = 0;
  for (std::size_t i = 1; i < rows.size(); ++i) near += rows[i] - rows[i - 1] <= kNear ? 1U : 0U;
  return 2 * near < rows.size();
}

}  // namespace

void KeyedBlock::load(KeyReader& reader, std::size_t most) {
  first_ = reader.row();
  reader.read(keys_, most);
  table_.clear(keys_.size());
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    Slot& slot = table_[table_.place(keys_[i].hash.low, [&](const Slot& other) {
      return keys_[other.key].hash == keys_[i].hash;
    })];
    if (slot.is_free()) slot.key = i;
  }
}

const RowKey* KeyedBlock::find(const Hash128& hash) const {
  const Slot& slot = table_[table_.place(
      hash.low, [&](const Slot& other) { return keys_[other.key].hash == hash; })];
  return slot.is_free() ? nullptr : &keys_[slot.key].key;
}

RowLookup::RowLookup(const Directory& directory, const Manifest& manifest, std::string scratch,
                     std::size_t memory, const std::atomic<bool>* stop)
    : directory_(directory),
      manifest_(manifest),
      scratch_(std::move(scratch)),
      memory_(memory),
      stop_(stop),
      reader_(directory, manifest) {}

void RowLookup::load_around(std::uint64_t row, std::size_t window) {
  const std::size_t block = std::max(kLeastBlock, 4 * window);
  reader_.seek(row);
  near_.load(reader_, block);
  far_.load(reader_, block);
}

/// Moves the cursor to where this window's rows were. The middle of them counts, since a few may
/// have been moved from anywhere.
void RowLookup::follow(std::size_t window) {
  const std::size_t block = std::max(kLeastBlock, 4 * window);
  if (far_rows_.size() > near_rows_.size()) {  // the order has changed, or many rows are gone
    place_ = median(far_rows_);
    load_around(place_, window);
    return;
  }
  if (near_rows_.empty()) return;
  place_ = median(near_rows_);
  while (far_.size() > 0 && place_ + block / 2 >= far_.end()) {
    std::swap(near_, far_);
    far_.load(reader_, block);
  }
}

bool RowLookup::build_index() {
  constexpr std::size_t kRows = 65536;
  HashIndex::Builder builder(scratch_, memory_);
  KeyReader reader(directory_, manifest_);
  std::vector<KeyedRow> rows;
  do {
    if (stop_ != nullptr && stop_->load()) return false;
    reader.read(rows, kRows);
    for (const KeyedRow& row : rows) builder.add(row.hash, row.key);
  } while (!rows.empty());
  index_.emplace(builder.finish());
  return true;
}

void RowLookup::find(std::span<const Hash128> texts, std::span<std::optional<RowKey>> keys) {
  if (near_.size() == 0) load_around(0, texts.size());
  far_rows_.clear();
  look_near(texts, keys);
  if (is_worth_an_index(texts.size()) && (index_ || build_index())) look_in_index(texts, keys);
  follow(texts.size());
}

/// Looks beside the cursor, and notes what is not there.
void RowLookup::look_near(std::span<const Hash128> texts, std::span<std::optional<RowKey>> keys) {
  near_rows_.clear();
  found_.clear();
  missing_.clear();
  for (std::size_t text = 0; text < texts.size(); ++text) {
    if (keys[text]) continue;
    const RowKey* key = near_.find(texts[text]);
    if (key == nullptr) key = far_.find(texts[text]);
    if (key == nullptr) {
      missing_.push_back(text);
      continue;
    }
    keys[text] = *key;
    found_.push_back(text);
    near_rows_.push_back(key->row);
  }
  if (!passes_scattered_ || !are_scattered(near_rows_)) return;
  for (const std::size_t text : found_) keys[text].reset();
  near_rows_.clear();
}

/// Among cheap texts, only a place that has changed is worth looking for, not a few texts.
bool RowLookup::is_worth_an_index(std::size_t texts) const {
  return passes_scattered_ ? 2 * missing_.size() > texts : !missing_.empty();
}

void RowLookup::look_in_index(std::span<const Hash128> texts,
                              std::span<std::optional<RowKey>> keys) {
  const std::span<const std::size_t> all(missing_);
  const auto look_up = [&](std::span<const std::size_t> which) {
    for (const std::size_t text : which) {
      if (keys[text]) continue;
      keys[text] = index_->find(texts[text]);
      if (keys[text]) far_rows_.push_back(keys[text]->row);
    }
  };
  // A look-up alone may take longer than encoding a cheap text: some neighbours tell what to
  // expect.
  constexpr std::size_t kNeighbours = 256;
  bool scattered = false;
  if (passes_scattered_ && all.size() > 2 * kNeighbours) {
    look_up(all.subspan((all.size() - kNeighbours) / 2, kNeighbours));
    scattered = far_rows_.empty() || are_scattered(far_rows_);
  }
  if (!scattered) {
    look_up(all);
    scattered = are_scattered(far_rows_);
  }
  if (!scattered) return;
  far_rows_.clear();  // there is no place that the cursor could go to
  if (!passes_scattered_) return;
  for (const std::size_t text : all) keys[text].reset();
}

}  // namespace embedtool
