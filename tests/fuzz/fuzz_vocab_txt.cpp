// Hostile vocab.txt files: a tokenizer that works, or an Error.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/error.hpp"
#include "core/text/tokenizer.hpp"
#include "core/text/tokenizer_spec.hpp"
#include "formats/tokenizer/tokenizer_vocab.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto tokenizer =
        embedtool::make_tokenizer(embedtool::vocab_txt_spec(text, "fuzz", {}), "fuzz");
    const auto scratch = tokenizer->make_scratch();
    std::vector<embedtool::TokenId> ids;
    tokenizer->encode("Some words, unaffable ones: 東京 ÀÉ.", {16, true}, *scratch, ids);
    if (ids.size() > 16) __builtin_trap();
  } catch (const embedtool::Error&) {
  }
  return 0;
}
