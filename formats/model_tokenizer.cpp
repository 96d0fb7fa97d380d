#include "formats/model_tokenizer.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "core/text/unicode.hpp"

namespace embedtool {
namespace {

// Any of these makes a folder one that should be able to read texts.
constexpr std::array<const char*, 8> kTokenizerFiles{
    "tokenizer.json",      "vocab.txt", "vocab.json",   "sentencepiece.bpe.model",
    "sentencepiece.model", "spm.model", "spiece.model", "tokenizer.model"};

bool has_tokenizer(const FileSet& files) {
  return std::any_of(kTokenizerFiles.begin(), kTokenizerFiles.end(),
                     [&files](const char* name) { return files.find(name).has_value(); });
}

void lower_case(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t at = 0; at < text.size();) {
    const unicode::Decoded decoded = unicode::decode(text, at);
    unicode::append_lowercase(decoded.code_point, out);
    at += decoded.length;
  }
}

// A tokenizer with what the model wants before and after it.
class AdjustedTokenizer : public Tokenizer {
 public:
  AdjustedTokenizer(std::unique_ptr<Tokenizer> inner, bool lower, std::optional<TokenId> empty)
      : inner_(std::move(inner)), lower_case_(lower), empty_text_token_(empty) {}

  std::unique_ptr<Scratch> make_scratch() const override {
    auto scratch = std::make_unique<Buffers>();
    scratch->inner = inner_->make_scratch();
    return scratch;
  }

  TokenizeResult encode(std::string_view text, const TokenizeOptions& options, Scratch& scratch,
                        std::vector<TokenId>& out) const override {
    auto& buffers = static_cast<Buffers&>(scratch);
    if (lower_case_) {
      lower_case(text, buffers.text);
      text = buffers.text;
    }
    TokenizeResult result = inner_->encode(text, options, *buffers.inner, out);
    if (result.n_tokens == 0 && empty_text_token_.has_value()) {
      out.push_back(*empty_text_token_);
      result.n_tokens = 1;
    }
    return result;
  }

  std::size_t vocab_size() const override { return inner_->vocab_size(); }
  std::string token(TokenId id) const override { return inner_->token(id); }
  std::string_view kind() const override { return inner_->kind(); }

 private:
  struct Buffers : Scratch {
    std::unique_ptr<Scratch> inner;
    std::string text;
  };

  std::unique_ptr<Tokenizer> inner_;
  bool lower_case_;
  std::optional<TokenId> empty_text_token_;
};

// Most models that ask for lower case have a tokenizer that does it anyway. A text that tells:
// words that every vocabulary has, and letters outside ASCII.
bool lowers_by_itself(const Tokenizer& tokenizer) {
  const std::string mixed = "The Quick BROWN Fox Is HERE Ärger ΩMEGA МИР";
  std::string lowered;
  lower_case(mixed, lowered);
  const auto scratch = tokenizer.make_scratch();
  std::vector<TokenId> of_mixed;
  std::vector<TokenId> of_lowered;
  tokenizer.encode(mixed, {}, *scratch, of_mixed);
  tokenizer.encode(lowered, {}, *scratch, of_lowered);
  return of_mixed == of_lowered;
}

}  // namespace

std::unique_ptr<Tokenizer> open_model_tokenizer(const FileSet& files,
                                                const TokenizerWishes& wishes) {
  if (!has_tokenizer(files)) return nullptr;
  auto tokenizer = load_tokenizer(files, wishes.hints);
  const bool lower = wishes.lower_case && !lowers_by_itself(*tokenizer);
  if (!lower && !wishes.empty_text_token.has_value()) return tokenizer;
  return std::make_unique<AdjustedTokenizer>(std::move(tokenizer), lower, wishes.empty_text_token);
}

}  // namespace embedtool
