#include "core/text/vocabulary.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/base/check.hpp"
#include "core/base/error.hpp"

namespace embedtool {

void Vocabulary::reserve(std::size_t tokens) {
  if (table_.has_room_for(tokens)) return;
  FlatTable<Slot> larger(tokens);
  for (std::uint32_t& at : order_) {
    const Slot& slot = table_[at];
    const std::size_t place =
        larger.place(PrefixHash::of(bytes_of(slot)), [](const Slot&) { return false; });
    larger[place] = slot;
    at = static_cast<std::uint32_t>(place);
  }
  table_ = std::move(larger);
}

void Vocabulary::add(std::string_view token, TokenId id) {
  EMBEDTOOL_CHECK(id >= 0);
  EMBEDTOOL_CHECK(by_id_.empty());  // finish() comes last
  reserve(count_ + 1);
  max_id_ = std::max(max_id_, id);
  const std::uint64_t hash = PrefixHash::of(token);
  const std::size_t at = place(token, hash);
  if (!table_[at].is_free()) {
    table_[at].id = id;
    return;
  }
  constexpr std::size_t kMaxBytes = std::numeric_limits<std::uint32_t>::max();
  if (token.size() > kMaxBytes - arena_.size()) {
    throw Error(ExitCode::model, "vocabulary larger than 4 GiB");
  }
  table_[at] = {static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(arena_.size()),
                static_cast<std::uint32_t>(token.size()), id};
  arena_.append(token);
  order_.push_back(static_cast<std::uint32_t>(at));
  longest_ = std::max(longest_, token.size());
  ++count_;
}

void Vocabulary::finish() {
  by_id_.clear();
  by_id_.reserve(order_.size());
  for (const std::uint32_t at : order_) by_id_.emplace_back(table_[at].id, at);
  std::stable_sort(by_id_.begin(), by_id_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
}

std::optional<std::string_view> Vocabulary::token(TokenId id) const {
  EMBEDTOOL_CHECK(by_id_.size() == order_.size());  // finish() has been called
  // Of several tokens with one id the last one added counts, as in the reference.
  const auto after = std::upper_bound(by_id_.begin(), by_id_.end(), id,
                                      [](TokenId x, const auto& entry) { return x < entry.first; });
  if (after == by_id_.begin() || std::prev(after)->first != id) return std::nullopt;
  return bytes_of(table_[std::prev(after)->second]);
}

}  // namespace embedtool
