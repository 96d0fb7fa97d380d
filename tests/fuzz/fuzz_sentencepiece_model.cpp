// A sentencepiece model of any bytes is refused, or gives ids.
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/error.hpp"
#include "core/text/tokenizer_spec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embedtool;
  TokenizerSpec spec;
  SentencePieceSpec model;
  model.model = std::as_bytes(std::span(data, size));
  spec.model = model;
  try {
    const auto tokenizer = make_tokenizer(std::move(spec), "fuzz");
    const auto scratch = tokenizer->make_scratch();
    std::vector<TokenId> ids;
    tokenizer->encode("the baker sells \u00e9 bread", {0, false}, *scratch, ids);
    tokenizer->encode("the baker sells \u00e9 bread", {3, false}, *scratch, ids);
    for (const TokenId id : ids) tokenizer->token(id);
  } catch (const Error&) {
  }
  return 0;
}
