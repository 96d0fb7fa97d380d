#pragma once

// What the tests of tokenizers share.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/tokenizer.hpp"

namespace embedtool::testing {

/// The development data, or an empty path where there is none.
std::filesystem::path shared_data();

/// A file of tests/unit/data.
std::filesystem::path own_data(std::string_view name);

struct Encoded {
  std::vector<TokenId> ids;
  bool truncated = false;

  friend bool operator==(const Encoded&, const Encoded&) = default;
};

Encoded encode(const Tokenizer& tokenizer, std::string_view text,
               const TokenizeOptions& options = {});

/// The ids as their pieces, which a reader can judge: "[CLS] hello [SEP]".
std::string pieces(const Tokenizer& tokenizer, std::string_view text,
                   const TokenizeOptions& options = {});

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

  std::string text() const;
  std::unique_ptr<Tokenizer> make() const;
};

}  // namespace embedtool::testing
