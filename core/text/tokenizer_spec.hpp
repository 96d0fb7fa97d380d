#pragma once

// What a tokenizer is made of, as plain data. formats/ reads it out of a model's files and
// make_tokenizer() builds the machine. A component that the files of a model can name is one
// alternative of a variant here, one case where the files are read and one class behind it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/data.hpp"
#include "core/text/tokenizer.hpp"
#include "core/text/vocabulary.hpp"

namespace embedtool {

/// A token that is looked for in the text itself, before the model sees what lies between.
struct AddedToken {
  std::string content;
  TokenId id = 0;
  bool single_word = false;  ///< only where no word character touches it
  bool lstrip = false;       ///< takes the white space before it along
  bool rstrip = false;       ///< takes the white space after it along
  bool normalized = false;   ///< looked for in the normalized text, in its own normalized form
};

/// Ids around those of a text, for a single sequence.
struct SpecialTemplate {
  std::vector<TokenId> prefix;
  std::vector<TokenId> suffix;
};

/// BERT's normalizer. Where strip_accents is not said, it follows lowercase.
struct BertNormalizerSpec {
  bool clean_text = true;            ///< drop controls, make all white space a blank
  bool handle_chinese_chars = true;  ///< blanks around ideographs
  std::optional<bool> strip_accents;
  bool lowercase = true;
};
using NormalizerSpec = std::variant<std::monostate, BertNormalizerSpec>;

/// Cuts at white space, and sets every punctuation character apart.
struct BertPreTokenizerSpec {};
using PreTokenizerSpec = std::variant<std::monostate, BertPreTokenizerSpec>;

struct WordPieceSpec {
  Vocabulary vocabulary;
  std::string unk_token = "[UNK]";
  std::string continuing_subword_prefix = "##";
  std::size_t max_input_chars_per_word = 100;  ///< longer words are unknown
};

/// What is done to a text before sentencepiece sees it (ALBERT, XLNet).
struct SentencePieceRules {
  bool ascii_quotes = false;   ///< `` and '' become "
  bool strip_accents = false;  ///< compatibility decomposition without nonspacing marks
  bool lowercase = false;

  bool any() const { return ascii_quotes || strip_accents || lowercase; }
};

/// A sentencepiece model, which brings its own normalizer. A piece's token id is its number in the
/// model plus `id_offset`, unless `fixed_ids` says otherwise.
struct SentencePieceSpec {
  std::span<const std::byte> model;  ///< the serialized model; read by make_tokenizer() only
  TokenId id_offset = 0;
  std::vector<std::pair<std::int32_t, TokenId>> fixed_ids;  ///< {piece, token id}
  SentencePieceRules rules;
};
using TokenModelSpec = std::variant<WordPieceSpec, SentencePieceSpec>;

struct TokenizerSpec {
  std::vector<AddedToken> added_tokens;
  NormalizerSpec normalizer;       ///< must be empty beside a SentencePieceSpec
  PreTokenizerSpec pre_tokenizer;  ///< likewise
  TokenModelSpec model;
  SpecialTemplate special;
  bool drop_unknown = false;  ///< leave the unknown token out of the ids
};

/// Throws Error(model) where the parts do not fit together; `where` names their origin in messages.
std::unique_ptr<Tokenizer> make_tokenizer(TokenizerSpec spec, const std::string& where);

}  // namespace embedtool
