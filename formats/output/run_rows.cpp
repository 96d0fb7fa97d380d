#include "formats/output/run_rows.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace embedtool {
namespace {

constexpr std::size_t kWordsInBlock = 8;  ///< of 64 bits: a cache line
/// At which about one unknown hash in forty is taken for a known one.
constexpr std::size_t kBitsPerHash = 8;

}  // namespace

HashFilter::HashFilter(std::size_t bytes)
    : blocks_(std::max(bytes / (8 * kWordsInBlock), std::size_t{1})),
      bits_(blocks_ * kWordsInBlock) {}

std::size_t HashFilter::block_of(const Hash128& hash) const {
  return static_cast<std::size_t>(hash.low % blocks_) * kWordsInBlock;
}

void HashFilter::add(const Hash128& hash) {
  const std::size_t block = block_of(hash);
  for (std::uint64_t rest = hash.high, i = 0; i < 4; ++i, rest >>= 9U) {
    bits_[block + (rest >> 6U) % kWordsInBlock] |= std::uint64_t{1} << (rest & 63U);
  }
}

bool HashFilter::may_have(const Hash128& hash) const {
  const std::size_t block = block_of(hash);
  for (std::uint64_t rest = hash.high, i = 0; i < 4; ++i, rest >>= 9U) {
    const std::uint64_t word = bits_[block + (rest >> 6U) % kWordsInBlock];
    if ((word >> (rest & 63U) & 1U) == 0) return false;
  }
  return true;
}

RunRows::RunRows(const RunOutput& output, const RunIdentity& identity, const OutputSpec& spec,
                 std::string scratch, std::size_t memory)
    : output_(output),
      fingerprint_(row_fingerprint(identity)),
      spec_(spec),
      scratch_(std::move(scratch)),
      // A table that is a power of two and half full at most.
      table_entries_(std::bit_floor(std::max(memory / 3 / sizeof(Slot), std::size_t{64})) / 2),
      most_(memory / 3 * 8 / kBitsPerHash),
      filter_(memory / 3) {
  // Under the output's lock, if there is one: all journals are this run's.
  recovered_.emplace(output.directory(), spec_, fingerprint_,
                     JournalChoice{[](std::string_view) { return true; }, output.locked()},
                     memory / 3);
  if (recovered_->rows() == 0) recovered_.reset();
  const Manifest published = output.published();
  rows_ = published.rows;
  // A record that an earlier run has written in part comes again from its first row on.
  if (!published.shards.empty()) rows_ -= published.shards.back().last_record_rows;
}

void RunRows::begin_segment() {
  segments_.push_back(std::make_shared<Segment>(
      Segment{RowJournal(output_.directory(), kShardPiece, fingerprint_), rows_, {}}));
}

void RunRows::add(const EmbeddingBlock& block) {
  // Without rows the sink has not begun: the directory may still be that of an output to replace.
  if (block.rows.empty()) return;
  // The shard that a block ends takes its rows out of the segments, once they need no place there.
  const std::uint64_t published = output_.published_rows();
  std::shared_ptr<Segment> segment;
  {
    const MutexLock lock(mutex_);
    while (!segments_.empty() &&
           segments_.front()->first + segments_.front()->places.size() <= published) {
      segments_.front()->file.remove();
      segments_.pop_front();
    }
    if (published > 0 && output_.published_shards() != shards_) {
      shards_ = output_.published_shards();
      published_ = output_.published();
      begin_segment();
    }
    if (segments_.empty()) begin_segment();
    segment = segments_.back();
  }
  // The reader knows nothing of these rows yet, and has no look at the places without the lock.
  std::vector<RowPlace> places;
  segment->file.append(block, spec_, places);
  const MutexLock lock(mutex_);
  segment->places.insert(segment->places.end(), places.begin(), places.end());
  remember(block);
}

void RunRows::remember(const EmbeddingBlock& block) {
  for (const RowInfo& info : block.rows) {
    const RowKey key{rows_++, info.n_tokens, info.truncated};
    const bool is_vector = block.documents->records[info.record].kind == RecordKind::vector;
    if (is_vector || !key.packs() || known_ >= most_) continue;
    make_room();
    Slot& slot = table_[table_.place(
        info.text_hash.low, [&](const Slot& other) { return other.hash == info.text_hash; })];
    if (!slot.is_free()) continue;
    // One that a file has will come from there again.
    if (!files_.empty() && filter_.may_have(info.text_hash)) continue;
    slot.hash = info.text_hash;
    slot.key = key.pack();
    filter_.add(info.text_hash);
    ++in_table_;
    ++known_;
  }
}

/// For one more entry.
void RunRows::make_room() {
  if (in_table_ >= table_entries_) return spill();
  table_.reserve(in_table_ + 1, [](const Slot& slot) { return slot.hash.low; });
}

/// The table becomes a file.
void RunRows::spill() {
  constexpr std::size_t kSortMemory = std::size_t{16} << 20U;
  HashIndex::Builder builder(scratch_, kSortMemory);
  for (const Slot& slot : table_.slots()) {
    if (!slot.is_free()) builder.add(slot.hash, RowKey::unpack(slot.key));
  }
  files_.push_back(std::make_shared<HashIndex>(builder.finish()));
  table_.clear(in_table_);
  in_table_ = 0;
}

/// Fills in wanted_.
void RunRows::look_up(std::span<const Hash128> texts, const ReusedRows& out) {
  wanted_.clear();
  std::vector<std::uint32_t> in_files;
  std::vector<std::shared_ptr<HashIndex>> files;
  {
    const MutexLock lock(mutex_);
    if (known_ == 0) return;
    files = files_;
    for (std::uint32_t text = 0; text < texts.size(); ++text) {
      if (out.find(text) != nullptr || !filter_.may_have(texts[text])) continue;
      const Slot& slot = table_[table_.place(
          texts[text].low, [&](const Slot& other) { return other.hash == texts[text]; })];
      if (!slot.is_free()) {
        wanted_.push_back({RowKey::unpack(slot.key), text});
      } else if (!files.empty()) {
        in_files.push_back(text);
      }
    }
  }
  for (const std::uint32_t text : in_files) {
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
      const auto key = (*file)->find(texts[text]);
      if (!key) continue;
      wanted_.push_back({*key, text});
      break;
    }
  }
  std::sort(wanted_.begin(), wanted_.end(),
            [](const Wanted& a, const Wanted& b) { return a.key.row < b.key.row; });
}

void RunRows::find(std::span<const Hash128> texts, ReusedRows& out) {
  if (recovered_) recovered_->find(texts, out);
  look_up(texts, out);
  if (wanted_.empty()) return;
  places_.clear();
  std::size_t in_shards = 0;
  {
    const MutexLock lock(mutex_);
    if (published_) {
      fetcher_.reset();  // borrows the manifest
      manifest_ = *std::exchange(published_, std::nullopt);
    }
    while (in_shards < wanted_.size() && wanted_[in_shards].key.row < manifest_.rows) ++in_shards;
    for (std::size_t i = in_shards; i < wanted_.size(); ++i) {
      const std::uint64_t row = wanted_[i].key.row;
      auto segment = segments_.rbegin();
      while ((*segment)->first > row) ++segment;
      places_.push_back({*segment, (*segment)->places[row - (*segment)->first]});
    }
  }
  const std::size_t before = out.rows.size();
  take_from_shards(in_shards, out);
  take_from_segments(in_shards, out);
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    ReusedRows::Row& row = out.rows[before + i];
    row.n_tokens = wanted_[i].key.n_tokens;
    row.truncated = wanted_[i].key.truncated;
    out.row_of[wanted_[i].text] = static_cast<std::uint32_t>(before + i);
  }
}

void RunRows::take_from_shards(std::size_t count, ReusedRows& out) {
  if (count == 0) return;
  if (fetcher_ == nullptr) {
    fetcher_ = std::make_unique<RowFetcher>(output_.directory(), manifest_, vocabulary_of(spec_));
  }
  numbers_.clear();
  for (std::size_t i = 0; i < count; ++i) numbers_.push_back(wanted_[i].key.row);
  fetcher_->fetch(numbers_, out);
}

void RunRows::take_from_segments(std::size_t first, ReusedRows& out) {
  for (std::size_t i = first; i < wanted_.size(); ++i) {
    const Place& place = places_[i - first];
    place.segment->file.read(place.in_file, bytes_);
    append_row(spec_, bytes_, out);
  }
}

}  // namespace embedtool
