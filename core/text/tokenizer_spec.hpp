#pragma once

// What a tokenizer consists of, as plain data. formats/ reads it from a model's files, and
// make_tokenizer() builds the tokenizer. Each component that model files can name is one
// alternative of a variant here, one case in the reader and one class that implements it.

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

/// A token that is searched for in the text itself, before the model sees the rest.
struct AddedToken {
  std::string content;
  TokenId id = 0;
  bool single_word = false;  ///< only if no word character touches it
  bool lstrip = false;       ///< absorbs the white space before it
  bool rstrip = false;       ///< absorbs the white space after it
  bool normalized = false;   ///< searched for in the normalized text, itself normalized
};

/// Ids around those of a text, for a single sequence.
struct SpecialTemplate {
  std::vector<TokenId> prefix;
  std::vector<TokenId> suffix;
};

/// A pattern to search for: a string, or a regular expression in the reference's syntax.
struct PatternSpec {
  std::string text;
  bool regex = false;
};

/// BERT's normalizer. If strip_accents is not given, it follows lowercase.
struct BertNormalizerSpec {
  bool clean_text = true;            ///< drop controls, turn white space into spaces
  bool handle_chinese_chars = true;  ///< blanks around ideographs
  std::optional<bool> strip_accents;
  bool lowercase = true;
};
/// A Unicode normal form.
struct UnicodeFormSpec {
  bool compatibility = false;  ///< NFKC, NFKD
  bool compose = true;         ///< NFC, NFKC
};
struct LowercaseSpec {};
/// Drops all marks; decomposes nothing itself.
struct StripAccentsSpec {};
/// Drops controls and turns some separators into spaces, as sentencepiece's nmt rules do.
struct NmtSpec {};
/// Drops white space at the ends of the text.
struct StripSpec {
  bool left = true;
  bool right = true;
};
struct ReplaceSpec {
  PatternSpec pattern;
  std::string content;
};
/// Prefixes a non-empty text with a string.
struct PrependSpec {
  std::string content;
};
/// A sentencepiece charsmap: the blob itself, decoded.
struct PrecompiledSpec {
  std::string charsmap;
};
using NormalizerStep =
    std::variant<BertNormalizerSpec, UnicodeFormSpec, LowercaseSpec, StripAccentsSpec, NmtSpec,
                 StripSpec, ReplaceSpec, PrependSpec, PrecompiledSpec>;
/// Applied in order; an empty list leaves the text unchanged.
using NormalizerSpec = std::vector<NormalizerStep>;

/// What to do with the matches that a text is split at.
enum class SplitBehavior : std::uint8_t {
  removed,
  isolated,
  merged_with_previous,
  merged_with_next,
  contiguous  ///< a run of matches is one word
};

/// Splits at white space, and makes every punctuation character a word.
struct BertPreTokenizerSpec {};
/// GPT-2's: a space before every text that has none, and its regular expression.
/// BpeSpec::byte_level says that the model reads bytes.
struct ByteLevelSpec {
  bool add_prefix_space = true;
  bool use_regex = true;
};
struct SplitSpec {
  PatternSpec pattern;
  SplitBehavior behavior = SplitBehavior::isolated;
  bool invert = false;  ///< swap matches and the text between them
};
struct WhitespaceSplitSpec {};
/// Words, and runs of characters that are neither word characters nor white space.
struct WhitespaceSpec {};
struct PunctuationSpec {
  SplitBehavior behavior = SplitBehavior::isolated;
};
struct DigitsSpec {
  bool individual = false;
};
/// Every character of one kind ends a word and is dropped.
struct DelimiterSpec {
  char32_t delimiter = U' ';
};
/// Spaces become a visible character, which also prefixes the text and begins each word.
struct MetaspaceSpec {
  enum class Prepend : std::uint8_t { always, first, never };
  std::string replacement = "\xE2\x96\x81";  ///< one character, U+2581
  Prepend prepend = Prepend::always;         ///< `first`: only at the beginning of the whole text
  bool split = true;
};
using PreTokenizerStep =
    std::variant<BertPreTokenizerSpec, ByteLevelSpec, SplitSpec, WhitespaceSplitSpec,
                 WhitespaceSpec, PunctuationSpec, DigitsSpec, DelimiterSpec, MetaspaceSpec>;
/// Each splits the words of the previous one further; an empty list leaves the text one word.
using PreTokenizerSpec = std::vector<PreTokenizerStep>;

struct WordPieceSpec {
  Vocabulary vocabulary;
  std::string unk_token = "[UNK]";
  std::string continuing_subword_prefix = "##";
  std::size_t max_input_chars_per_word = 100;  ///< longer words are unknown
};

/// Byte-pair encoding: characters, or bytes, joined pair by pair in the order of the merges.
struct BpeSpec {
  struct Merge {
    std::string left;
    std::string right;
  };
  Vocabulary vocabulary;  ///< of a byte-level model in GPT-2's visible alphabet
  std::vector<Merge> merges;
  std::optional<std::string> unk_token;
  std::string continuing_subword_prefix;
  std::string end_of_word_suffix;
  bool fuse_unk = false;       ///< neighbouring unknown characters are one token
  bool byte_fallback = false;  ///< an unknown character is its bytes' tokens <0x00> … <0xFF>
  bool ignore_merges = false;  ///< a word that is a token is that token
  bool byte_level = false;     ///< merges join bytes
};

/// The most likely segmentation under a unigram language model (Kudo 2018).
struct UnigramSpec {
  struct Piece {
    std::string text;
    double score = 0.0;  ///< log probability
  };
  std::vector<Piece> pieces;  ///< the id is the place in the list
  std::optional<std::size_t> unk_id;
  bool byte_fallback = false;
};

/// Applied to a text before sentencepiece sees it (ALBERT, XLNet).
struct SentencePieceRules {
  bool ascii_quotes = false;   ///< `` and '' become "
  bool strip_accents = false;  ///< compatibility decomposition without nonspacing marks
  bool lowercase = false;

  bool any() const { return ascii_quotes || strip_accents || lowercase; }
};

/// A sentencepiece model, which includes its own normalizer. A piece's token id is its number in
/// the model plus `id_offset`, unless `fixed_ids` says otherwise.
struct SentencePieceSpec {
  std::span<const std::byte> model;         ///< the serialized model; read by make_tokenizer() only
  std::shared_ptr<const std::string> made;  ///< its bytes, if no file holds them
  TokenId id_offset = 0;
  std::vector<std::pair<std::int32_t, TokenId>> fixed_ids;  ///< {piece, token id}
  SentencePieceRules rules;
};
using TokenModelSpec = std::variant<WordPieceSpec, BpeSpec, UnigramSpec, SentencePieceSpec>;

struct TokenizerSpec {
  std::vector<AddedToken> added_tokens;
  NormalizerSpec normalizer;       ///< must be empty beside a SentencePieceSpec
  PreTokenizerSpec pre_tokenizer;  ///< likewise
  TokenModelSpec model;
  SpecialTemplate special;
  bool drop_unknown = false;  ///< leave the unknown token out of the ids
};

/// Throws Error(model) if the parts do not fit together; `where` names their origin in messages.
std::unique_ptr<Tokenizer> make_tokenizer(TokenizerSpec spec, const std::string& where);

}  // namespace embedtool
