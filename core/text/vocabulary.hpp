#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/flat_table.hpp"
#include "core/data.hpp"

namespace embedtool {

/// A hash that is built byte by byte, so that one pass gives the hash of every prefix (FNV-1a).
class PrefixHash {
 public:
  void add(char c) { state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL; }
  /// The bits spread, ready for use as a table index.
  std::uint64_t value() const { return (state_ ^ (state_ >> 29)) * 0x9E3779B97F4A7C15ULL; }

  static std::uint64_t of(std::string_view s) {
    PrefixHash hash;
    for (const char c : s) hash.add(c);
    return hash.value();
  }

 private:
  std::uint64_t state_ = 0xCBF29CE484222325ULL;
};

/// Tokens and their ids, both ways. The bytes are in one arena behind a hash table: a look-up
/// allocates nothing and mostly touches two cache lines. Immutable use is thread-safe.
class Vocabulary {
 public:
  static constexpr TokenId kAbsent = -1;

  /// Adds `token`; if it is already known, `id` replaces its id (as in a JSON object). `id` must
  /// not be negative; at most 4 GiB of bytes in all.
  void add(std::string_view token, TokenId id);
  void reserve(std::size_t tokens);

  /// The id of `token`, or kAbsent.
  TokenId find(std::string_view token) const { return find(token, PrefixHash::of(token)); }
  /// The same with the hash at hand: PrefixHash::of(token).
  TokenId find(std::string_view token, std::uint64_t hash) const {
    return table_[place(token, hash)].id;  // a free slot's is kAbsent
  }

  /// The token of an id; nothing if no token has it. O(log n).
  std::optional<std::string_view> token(TokenId id) const;

  std::size_t size() const { return count_; }  ///< tokens
  TokenId max_id() const { return max_id_; }   ///< kAbsent when empty
  std::size_t max_token_bytes() const { return longest_; }

  /// All tokens, in the order of their first add().
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const std::uint32_t at : order_) visit(bytes_of(table_[at]), table_[at].id);
  }
  /// Call once after the last add(): prepares token().
  void finish();

 private:
  struct Slot {
    std::uint32_t tag = 0;  // low half of the hash; the high bits chose the place
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    TokenId id = kAbsent;

    bool is_free() const { return id == kAbsent; }
  };

  std::string_view bytes_of(const Slot& slot) const {
    return {arena_.data() + slot.offset, slot.length};
  }
  std::size_t place(std::string_view token, std::uint64_t hash) const {
    const auto tag = static_cast<std::uint32_t>(hash);
    return table_.place(
        hash, [&](const Slot& slot) { return slot.tag == tag && bytes_of(slot) == token; });
  }

  std::string arena_;
  FlatTable<Slot> table_;
  std::vector<std::uint32_t> order_;                      // places in the table
  std::vector<std::pair<TokenId, std::uint32_t>> by_id_;  // {id, slot}, sorted
  std::size_t count_ = 0;
  std::size_t longest_ = 0;
  TokenId max_id_ = kAbsent;
};

}  // namespace embedtool
