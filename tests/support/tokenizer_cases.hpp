#pragma once

// What the tests of tokenizers share.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/tokenizer.hpp"
#include "formats/tokenizer/tokenizer_files.hpp"

namespace embedtool::tokenizer_cases {

/// The development data, or an empty path where there is none.
inline std::filesystem::path shared_data() {
  const char* set = std::getenv("EMBEDTOOL_SHARED");
  const std::filesystem::path shared =
      set != nullptr ? set : std::filesystem::path(EMBEDTOOL_SOURCE_DIR) / "../shared";
  return std::filesystem::is_directory(shared / "data") ? shared / "data" : "";
}

inline std::filesystem::path own_data(std::string_view name) {
  return std::filesystem::path(EMBEDTOOL_SOURCE_DIR) / "tests/unit/data" / name;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Encoded {
  std::vector<TokenId> ids;
  bool truncated = false;

  friend bool operator==(const Encoded&, const Encoded&) = default;
};

inline Encoded encode(const Tokenizer& tokenizer, std::string_view text,
                      const TokenizeOptions& options = {}) {
  const auto scratch = tokenizer.make_scratch();
  Encoded result;
  const TokenizeResult counts = tokenizer.encode(text, options, *scratch, result.ids);
  EXPECT_EQ(counts.n_tokens, result.ids.size());
  result.truncated = counts.truncated;
  return result;
}

/// The ids as their pieces, which a reader can judge: "[CLS] hello [SEP]".
inline std::string pieces(const Tokenizer& tokenizer, std::string_view text,
                          const TokenizeOptions& options = {}) {
  std::string joined;
  for (const TokenId id : encode(tokenizer, text, options).ids) {
    if (!joined.empty()) joined += ' ';
    joined += tokenizer.token(id);
  }
  return joined;
}

/// A tokenizer.json of a small vocabulary, with members put in place of the default ones.
struct TinyJson {
  std::string normalizer = R"({"type":"BertNormalizer","clean_text":true,
    "handle_chinese_chars":true,"strip_accents":null,"lowercase":true})";
  std::string pre_tokenizer = R"({"type":"BertPreTokenizer"})";
  std::string post_processor = R"({"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]})";
  std::string added_tokens = R"([
    {"id":0,"content":"[UNK]","special":true},{"id":1,"content":"[CLS]","special":true},
    {"id":2,"content":"[SEP]","special":true}])";
  std::string vocabulary = R"({"[UNK]":0,"[CLS]":1,"[SEP]":2,"hello":3,"world":4,"un":5,
    "##aff":6,"##able":7,"a":8,"##b":9,"b":10,",":11,"!":12,"\u65e5":13,"\u672c":14,"##ing":15,
    "A":16,"e":17,"\u00e9":18,"i\u0307":19,"\u03c3":20,"[":21,"]":22,"x":23})";

  std::string text() const {
    return fmt::format(
        R"({{"version":"1.0","truncation":{{"max_length":2}},"padding":{{"strategy":{{"Fixed":9}}}},
      "added_tokens":{},"normalizer":{},"pre_tokenizer":{},"post_processor":{},
      "model":{{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
        "max_input_chars_per_word":10,"vocab":{}}}}})",
        added_tokens, normalizer, pre_tokenizer, post_processor, vocabulary);
  }
  std::unique_ptr<Tokenizer> make() const {
    return make_tokenizer(parse_tokenizer_json(text(), "tiny"), "tiny");
  }
};

}  // namespace embedtool::tokenizer_cases
