#include <array>
#include <string>
#include <utility>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/text/models/word_cache.hpp"
#include "core/text/models/word_model.hpp"
#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

/// Greedy longest match first: the longest token that begins the word, then the longest of those
/// marked as continuing that begins the rest, and so on; a word that cannot be covered is unknown.
/// (Schuster and Nakajima 2012, as in BERT.)
class WordPiece : public WordModel {
 public:
  WordPiece(WordPieceSpec spec, const std::string& where)
      : vocabulary_(std::move(spec.vocabulary)), max_chars_(spec.max_input_chars_per_word) {
    vocabulary_.finish();
    unknown_ = vocabulary_.find(spec.unk_token);
    if (unknown_ == Vocabulary::kAbsent) {
      throw Error(ExitCode::model,
                  "{}: the unknown token '{}' is not in the vocabulary; the file is damaged or "
                  "belongs to another model",
                  where, spec.unk_token);
    }
    const std::string& prefix = spec.continuing_subword_prefix;
    continuing_.reserve(vocabulary_.size());
    vocabulary_.for_each([&](std::string_view token, TokenId id) {
      if (token.size() > prefix.size() && token.substr(0, prefix.size()) == prefix) {
        continuing_.add(token.substr(prefix.size()), id);
      }
    });
  }

  std::unique_ptr<WordModel::Scratch> make_scratch() const override {
    auto scratch = std::make_unique<Scratch>();
    const std::size_t longest =
        std::max(vocabulary_.max_token_bytes(), continuing_.max_token_bytes());
    scratch->hashes.resize(longest + 1);
    return scratch;
  }

  void encode(std::string_view word, Joint joint, WordModel::Scratch& scratch,
              std::vector<TokenId>& out) const override;
  bool cuts_before(std::string_view) const override { return false; }  // a long word is unknown

  const Vocabulary& vocabulary() const override { return vocabulary_; }
  TokenId unknown_id() const override { return unknown_; }
  std::string_view kind() const override { return "WordPiece"; }

 private:
  struct Scratch : WordModel::Scratch {
    WordCache cache;
    std::vector<std::uint64_t> hashes;  // hash of the first n bytes of what is being matched
  };
  struct Match {
    std::size_t bytes = 0;  ///< 0: no token begins the text
    TokenId id = Vocabulary::kAbsent;
  };

  static Match longest_match(const Vocabulary& tokens, std::string_view text, Scratch& scratch);
  void segment(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const;

  Vocabulary vocabulary_;
  Vocabulary continuing_;  // the continuing tokens, without their prefix
  TokenId unknown_ = 0;
  std::size_t max_chars_;
};

void WordPiece::encode(std::string_view word, Joint, WordModel::Scratch& base,
                       std::vector<TokenId>& out) const {
  EMBEDTOOL_CHECK(!word.empty() && dynamic_cast<Scratch*>(&base) != nullptr);
  if (word.size() > max_chars_ && unicode::count(word) > max_chars_) {
    out.push_back(unknown_);
    return;
  }
  // The longest match is tried first, so a word that is itself a token is one piece.
  const std::uint64_t hash = PrefixHash::of(word);
  if (const TokenId id = vocabulary_.find(word, hash); id != Vocabulary::kAbsent) {
    out.push_back(id);
    return;
  }
  auto& scratch = static_cast<Scratch&>(base);
  if (const auto known = scratch.cache.find(word, hash); !known.empty()) {
    out.insert(out.end(), known.begin(), known.end());
    return;
  }
  const std::size_t begin = out.size();
  segment(word, scratch, out);
  scratch.cache.remember(word, hash, std::span(out).subspan(begin));
}

void WordPiece::segment(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const {
  const std::size_t begin = out.size();
  const Vocabulary* tokens = &vocabulary_;
  while (!word.empty()) {
    const Match match = longest_match(*tokens, word, scratch);
    if (match.bytes == 0) {
      out.resize(begin);
      out.push_back(unknown_);
      return;
    }
    out.push_back(match.id);
    word.remove_prefix(match.bytes);
    tokens = &continuing_;
  }
}

WordPiece::Match WordPiece::longest_match(const Vocabulary& tokens, std::string_view text,
                                          Scratch& scratch) {
  const std::size_t longest = std::min(text.size(), tokens.max_token_bytes());
  PrefixHash hash;
  for (std::size_t n = 0; n < longest; ++n) {
    hash.add(text[n]);
    scratch.hashes[n + 1] = hash.value();
  }
  for (std::size_t n = longest; n > 0; --n) {
    if (n < text.size() && unicode::is_continuation(text[n])) continue;
    const TokenId id = tokens.find(text.substr(0, n), scratch.hashes[n]);
    if (id != Vocabulary::kAbsent) return {n, id};
  }
  return {};
}

}  // namespace

std::unique_ptr<WordModel> make_wordpiece(WordPieceSpec spec, const std::string& where) {
  return std::make_unique<WordPiece>(std::move(spec), where);
}

}  // namespace embedtool
