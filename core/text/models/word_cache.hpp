#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "core/base/check.hpp"
#include "core/base/zeroed_array.hpp"
#include "core/data.hpp"

namespace embedtool {

/// Remembers how words were segmented: natural text repeats few words often. Direct-mapped and of
/// fixed size, so that a new entry replaces the old one and memory stays bounded; a forgotten word
/// costs time but never changes ids. Words and results that do not fit in an entry (one cache line)
/// are not remembered. For one thread.
class WordCache {
 public:
  static constexpr std::size_t kMaxBytes = 22;
  static constexpr std::size_t kMaxIds = 9;

  WordCache() : entries_(kEntries) {}

  /// The ids of `word`, or an empty span if it is not remembered. `hash` is PrefixHash::of(word).
  std::span<const TokenId> find(std::string_view word, std::uint64_t hash) const {
    const Entry& entry = entries_[hash >> kShift];
    const bool hit = entry.n_ids > 0 && entry.n_bytes == word.size() &&
                     std::memcmp(entry.bytes.data(), word.data(), word.size()) == 0;
    return {entry.ids.data(), hit ? entry.n_ids : 0U};
  }

  /// Tells the CPU that find() of that hash comes soon.
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&entries_[hash >> kShift]); }

  /// `word` must not be empty; nothing is remembered without ids.
  void remember(std::string_view word, std::uint64_t hash, std::span<const TokenId> ids) {
    EMBEDTOOL_CHECK(!word.empty());
    if (ids.empty() || word.size() > kMaxBytes || ids.size() > kMaxIds) return;
    Entry& entry = entries_[hash >> kShift];
    entry.n_bytes = static_cast<std::uint8_t>(word.size());
    entry.n_ids = static_cast<std::uint8_t>(ids.size());
    std::memcpy(entry.bytes.data(), word.data(), word.size());
    std::memcpy(entry.ids.data(), ids.data(), ids.size_bytes());
  }

 private:
  static constexpr int kBits = 15;  // 2 MiB: a third fewer misses than in 512 KiB
  static constexpr std::size_t kEntries = std::size_t{1} << kBits;
  static constexpr int kShift = 64 - kBits;

  struct alignas(64) Entry {
    std::array<TokenId, kMaxIds> ids;
    std::array<char, kMaxBytes> bytes;
    std::uint8_t n_bytes;
    std::uint8_t n_ids;  // 0: empty
  };
  static_assert(sizeof(Entry) == 64);

  ZeroedArray<Entry> entries_;
};

}  // namespace embedtool
