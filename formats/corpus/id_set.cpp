#include "formats/corpus/id_set.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>
#include <utility>

#include "core/base/hash.hpp"

namespace embedtool {
namespace {

std::uint64_t hash_of(std::string_view id) {
  const std::uint64_t hash = hash128(id).low;
  return hash == 0 ? 1 : hash;  // 0 marks a free slot
}

}  // namespace

bool IdSet::insert(std::string_view id) {
  if (!generated_.empty() && was_generated(id)) return true;
  const std::uint64_t hash = hash_of(id);
  const bool full = most_ > 0 && size_ >= most_;
  if (!full) table_.reserve(size_ + 1, [](const Slot& slot) { return slot.hash; });
  Slot& slot = table_[table_.place(hash, [hash](const Slot& s) { return s.hash == hash; })];
  if (!slot.is_free()) return true;
  if (full) {
    overflowed_ = true;
    return false;
  }
  slot.hash = hash;
  ++size_;
  return false;
}

/// Is the id a number, as it is generated, in one of the ranges?
bool IdSet::was_generated(std::string_view id) const {
  if (id.empty() || (id.size() > 1 && id[0] == '0')) return false;
  std::uint64_t number = 0;
  const char* end = id.data() + id.size();
  const auto [stop, error] = std::from_chars(id.data(), end, number);
  if (error != std::errc() || stop != end) return false;
  const auto after =
      std::upper_bound(generated_.begin(), generated_.end(), number,
                       [](std::uint64_t value, const Range& range) { return value < range.first; });
  return after != generated_.begin() && number < std::prev(after)->second;
}

bool IdSet::holds(std::string_view id) {
  if (size_ == 0) return false;
  const std::uint64_t hash = hash_of(id);
  return !table_[table_.place(hash, [hash](const Slot& s) { return s.hash == hash; })].is_free();
}

bool IdSet::insert_generated(std::uint64_t number) {
  if (size_ > 0 && holds(std::to_string(number))) return true;
  if (!generated_.empty() && generated_.back().second == number) {
    ++generated_.back().second;
  } else if (most_ > 0 && generated_.size() >= most_ / 2) {
    overflowed_ = true;
  } else {
    generated_.emplace_back(number, number + 1);
  }
  return false;
}

}  // namespace embedtool
