#include "core/text/token_feed.hpp"

#include <algorithm>
#include <cstdint>

namespace embedtool {

TokenFeed::TokenFeed(const TokenSettings& settings)
    : settings_(settings), prompted_(settings.prompt) {
  if (settings.tokenizer != nullptr) scratch_ = settings.tokenizer->make_scratch();
}

TokenizeResult TokenFeed::append(std::string_view text, std::vector<TokenId>& out) {
  if (!settings_.prompt.empty()) {
    prompted_.resize(settings_.prompt.size());
    prompted_ += text;
    text = prompted_;
  }
  return settings_.tokenizer->encode(text, {settings_.max_tokens, settings_.add_special_tokens},
                                     *scratch_, out);
}

TokenizeResult TokenFeed::append(std::span<const TokenId> ready, std::vector<TokenId>& out) const {
  const std::size_t limit = settings_.max_tokens;
  const std::size_t kept = limit == 0 ? ready.size() : std::min(limit, ready.size());
  out.insert(out.end(), ready.begin(), ready.begin() + static_cast<std::ptrdiff_t>(kept));
  return {static_cast<std::uint32_t>(kept), kept < ready.size()};
}

TokenizeResult TokenFeed::append(const DocumentBlock& block, const Record& record,
                                 std::vector<TokenId>& out) {
  return record.kind == RecordKind::text ? append(block.text(record), out)
                                         : append(block.ids(record), out);
}

}  // namespace embedtool
