#include "formats/output/hash_index.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

namespace embedtool {
namespace {

/// A hash and a packed key, both big endian, so that bytes sort as numbers do.
constexpr std::size_t kEntry = 24;
constexpr std::size_t kBlockEntries = 170;  ///< 4 kB

void put_big_endian(std::uint64_t value, char* out) {
  for (int i = 7; i >= 0; --i, value >>= 8U) out[i] = static_cast<char>(value & 0xFFU);
}

std::uint64_t big_endian(const void* bytes) {
  std::uint64_t value = 0;
  const auto* from = static_cast<const unsigned char*>(bytes);
  for (int i = 0; i < 8; ++i) value = value << 8U | from[i];
  return value;
}

}  // namespace

std::uint64_t RowKey::pack() const {
  return row << 25U | std::uint64_t{n_tokens} << 1U | (truncated ? 1U : 0U);
}

RowKey RowKey::unpack(std::uint64_t packed) {
  return {packed >> 25U, static_cast<std::uint32_t>(packed >> 1U & 0xFFFFFFU), (packed & 1U) != 0};
}

void HashIndex::Builder::add(const Hash128& hash, const RowKey& key) {
  if (!key.packs()) return;
  std::array<char, kEntry> entry;
  put_big_endian(hash.high, entry.data());
  put_big_endian(hash.low, entry.data() + 8);
  put_big_endian(key.pack(), entry.data() + 16);
  sort_.add({entry.data(), entry.size()});
}

HashIndex HashIndex::Builder::finish() {
  HashIndex index(folder_);
  while (const auto entry = sort_.next()) {
    if (index.size_ % kBlockEntries == 0) index.firsts_.push_back(big_endian(entry->data()));
    index.file_.write(std::as_bytes(std::span(*entry)));
    ++index.size_;
  }
  index.file_.flush();
  return index;
}

void HashIndex::load(std::size_t block) {
  if (loaded_ == block) return;
  const std::uint64_t first = std::uint64_t{block} * kBlockEntries;
  block_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kBlockEntries, size_ - first)) *
                kEntry);
  loaded_ = SIZE_MAX;
  file_.read_at(first * kEntry, block_);
  loaded_ = block;
}

std::optional<RowKey> HashIndex::find(const Hash128& hash) {
  // Equal hashes may begin in the block before the first that begins with this one.
  const auto not_less = std::lower_bound(firsts_.begin(), firsts_.end(), hash.high);
  std::size_t block = static_cast<std::size_t>(not_less - firsts_.begin());
  if (block > 0) --block;
  std::array<char, 16> wanted;
  put_big_endian(hash.high, wanted.data());
  put_big_endian(hash.low, wanted.data() + 8);
  for (; block < firsts_.size() && firsts_[block] <= hash.high; ++block) {
    load(block);
    std::size_t low = 0;
    std::size_t high = block_.size() / kEntry;
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      const bool less = std::memcmp(&block_[middle * kEntry], wanted.data(), 16) < 0;
      less ? low = middle + 1 : high = middle;
    }
    if (low == block_.size() / kEntry) continue;
    if (std::memcmp(&block_[low * kEntry], wanted.data(), 16) != 0) return std::nullopt;
    return RowKey::unpack(big_endian(&block_[low * kEntry + 16]));
  }
  return std::nullopt;
}

}  // namespace embedtool
