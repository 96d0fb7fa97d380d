#include "tests/support/tokenizer_cases.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "formats/tokenizer/tokenizer_files.hpp"

namespace embedtool::testing {

std::filesystem::path shared_data() {
  const char* set = std::getenv("EMBEDTOOL_SHARED");
  const std::filesystem::path shared =
      set != nullptr ? set : std::filesystem::path(EMBEDTOOL_SOURCE_DIR) / "../shared";
  return std::filesystem::is_directory(shared / "data") ? shared / "data" : "";
}

std::filesystem::path own_data(std::string_view name) {
  return std::filesystem::path(EMBEDTOOL_SOURCE_DIR) / "tests/unit/data" / name;
}

Encoded encode(const Tokenizer& tokenizer, std::string_view text, const TokenizeOptions& options) {
  const auto scratch = tokenizer.make_scratch();
  Encoded result;
  const TokenizeResult counts = tokenizer.encode(text, options, *scratch, result.ids);
  EXPECT_EQ(counts.n_tokens, result.ids.size());
  result.truncated = counts.truncated;
  return result;
}

std::string pieces(const Tokenizer& tokenizer, std::string_view text,
                   const TokenizeOptions& options) {
  std::string joined;
  for (const TokenId id : encode(tokenizer, text, options).ids) {
    if (!joined.empty()) joined += ' ';
    joined += tokenizer.token(id);
  }
  return joined;
}

std::string TinyJson::text() const {
  return fmt::format(
      R"({{"version":"1.0","truncation":{{"max_length":2}},"padding":{{"strategy":{{"Fixed":9}}}},
      "added_tokens":{},"normalizer":{},"pre_tokenizer":{},"post_processor":{},
      "model":{{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
        "max_input_chars_per_word":10,"vocab":{}}}}})",
      added_tokens, normalizer, pre_tokenizer, post_processor, vocabulary);
}

std::unique_ptr<Tokenizer> TinyJson::make() const {
  return make_tokenizer(parse_tokenizer_json(text(), "tiny"), "tiny");
}

}  // namespace embedtool::testing
