#include "core/text/vocabulary.hpp"

#include <algorithm>
#include <limits>

#include "core/base/check.hpp"
#include "core/base/error.hpp"

namespace embedtool {

void Vocabulary::reserve(std::size_t tokens) {
  const std::size_t slots = std::bit_ceil(std::max<std::size_t>(tokens * 2, 16));
  if (slots > slots_.size()) rehash(slots);
}

void Vocabulary::add(std::string_view token, TokenId id) {
  EMBEDTOOL_CHECK(id >= 0);
  EMBEDTOOL_CHECK(by_id_.empty());  // finish() comes last
  if ((count_ + 1) * 2 > slots_.size()) reserve(count_ + 1);
  max_id_ = std::max(max_id_, id);
  const std::uint64_t hash = PrefixHash::of(token);
  const auto tag = static_cast<std::uint32_t>(hash);
  std::size_t i = hash >> shift_;
  for (; slots_[i].id != kAbsent; i = (i + 1) & (slots_.size() - 1)) {
    if (slots_[i].tag == tag && bytes_of(slots_[i]) == token) {
      slots_[i].id = id;
      return;
    }
  }
  constexpr std::size_t kMaxBytes = std::numeric_limits<std::uint32_t>::max();
  if (token.size() > kMaxBytes - arena_.size()) {
    throw Error(ExitCode::model, "vocabulary larger than 4 GiB");
  }
  slots_[i] = {tag, static_cast<std::uint32_t>(arena_.size()),
               static_cast<std::uint32_t>(token.size()), id};
  arena_.append(token);
  order_.push_back(static_cast<std::uint32_t>(i));
  longest_ = std::max(longest_, token.size());
  ++count_;
}

void Vocabulary::rehash(std::size_t slots) {
  std::vector<Slot> old(slots);
  old.swap(slots_);
  shift_ = 64 - std::countr_zero(slots);
  for (std::uint32_t& at : order_) {
    const Slot& slot = old[at];
    std::size_t i = PrefixHash::of(bytes_of(slot)) >> shift_;
    while (slots_[i].id != kAbsent) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = slot;
    at = static_cast<std::uint32_t>(i);
  }
}

void Vocabulary::finish() {
  by_id_.clear();
  by_id_.reserve(order_.size());
  for (const std::uint32_t at : order_) by_id_.emplace_back(slots_[at].id, at);
  std::stable_sort(by_id_.begin(), by_id_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
}

std::optional<std::string_view> Vocabulary::token(TokenId id) const {
  EMBEDTOOL_CHECK(by_id_.size() == order_.size());  // finish() has been called
  // Of several tokens with one id the last one added counts, as in the reference.
  const auto after = std::upper_bound(by_id_.begin(), by_id_.end(), id,
                                      [](TokenId x, const auto& entry) { return x < entry.first; });
  if (after == by_id_.begin() || std::prev(after)->first != id) return std::nullopt;
  return bytes_of(slots_[std::prev(after)->second]);
}

}  // namespace embedtool
