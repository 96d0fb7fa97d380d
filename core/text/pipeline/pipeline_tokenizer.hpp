#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/models/word_model.hpp"
#include "core/text/normalize/normalizer.hpp"
#include "core/text/split/added_tokens.hpp"
#include "core/text/split/pre_tokenizer.hpp"
#include "core/text/tokenizer.hpp"

namespace embedtool {

/// The stages that a tokenizer.json describes, in sequence: added tokens are taken out of the text,
/// the rest is normalized and split into words, and each word is segmented. It works in pieces of a
/// few kilobytes that end where a cut changes nothing, and stops when it has enough tokens.
class PipelineTokenizer : public Tokenizer {
 public:
  /// `model` was built from `spec.model`.
  PipelineTokenizer(TokenizerSpec spec, std::unique_ptr<WordModel> model, const std::string& where);

  std::unique_ptr<Tokenizer::Scratch> make_scratch() const override;
  TokenizeResult encode(std::string_view text, const TokenizeOptions& options,
                        Tokenizer::Scratch& scratch, std::vector<TokenId>& out) const override;
  std::size_t vocab_size() const override;
  std::string token(TokenId id) const override;
  std::string_view kind() const override { return model_->kind(); }

 private:
  struct Scratch;
  struct Run;
  /// Where a piece is in its text.
  struct Place {
    TextEdges edges;     // of the stretch between added tokens
    bool first = false;  // at the very beginning of the text
  };

  void encode_text(Run& run, std::string_view text) const;
  void encode_piece(Run& run, std::string_view piece, Place place) const;
  void encode_words(Run& run, std::string_view text, bool first, bool continues) const;
  CutRule model_cuts() const;
  void emit(Run& run, TokenId id) const;

  std::vector<AddedToken> all_added_;
  AddedTokenMatcher added_;             // looked for in the text as it is
  AddedTokenMatcher normalized_added_;  // looked for in the normalized text
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  std::unique_ptr<WordModel> model_;
  SpecialTemplate special_;
  bool drop_unknown_;
  CutRule cuts_;
};

}  // namespace embedtool
