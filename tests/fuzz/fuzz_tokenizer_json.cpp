// A tokenizer.json, a NUL byte and a text: whatever they are, the ids of the text up to a limit are
// the beginning of all its ids, or the file is refused.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "core/base/error.hpp"
#include "formats/tokenizer/tokenizer_files.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embedtool;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), input.size());
  const std::string_view text = input.substr(std::min(end + 1, input.size()));
  try {
    const auto tokenizer =
        make_tokenizer(parse_tokenizer_json(input.substr(0, end), "fuzz"), "fuzz");
    const auto scratch = tokenizer->make_scratch();
    std::vector<TokenId> all;
    std::vector<TokenId> some;
    tokenizer->encode(text, {0, false}, *scratch, all);
    tokenizer->encode(text, {7, false}, *scratch, some);
    if (some.size() != std::min<std::size_t>(all.size(), 7)) std::abort();
    if (!std::equal(some.begin(), some.end(), all.begin())) std::abort();
    for (const TokenId id : all) tokenizer->token(id);
  } catch (const Error&) {
  }
  return 0;
}
