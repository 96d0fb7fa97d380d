#include "core/text/models/word_model.hpp"

#include <fmt/core.h>

namespace embedtool {

std::vector<TokenId> byte_tokens(const Vocabulary& vocabulary) {
  std::vector<TokenId> ids;
  for (int byte = 0; byte < 256; ++byte) {
    ids.push_back(vocabulary.find(fmt::format("<0x{:02X}>", byte)));
  }
  return ids;
}

bool holds_inside(std::string_view token, std::string_view mark) {
  for (std::size_t at = token.find(mark, 1); at != std::string_view::npos;
       at = token.find(mark, at + 1)) {
    if (at < mark.size() || token.substr(at - mark.size(), mark.size()) != mark) return true;
  }
  return false;
}

}  // namespace embedtool
