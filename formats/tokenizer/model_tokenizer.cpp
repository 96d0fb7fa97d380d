#include "formats/tokenizer/model_tokenizer.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/text/unicode/unicode.hpp"
#include "formats/tokenizer/gguf_tokenizer.hpp"

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

// Stands where the tokenizer's files cannot be used: says why to whoever comes with a text.
class UnusableTokenizer : public Tokenizer {
 public:
  explicit UnusableTokenizer(std::string fault) : fault_(std::move(fault)) {}

  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }
  TokenizeResult encode(std::string_view, const TokenizeOptions&, Scratch&,
                        std::vector<TokenId>&) const override {
    throw Error(ExitCode::model, fault_);
  }
  std::size_t vocab_size() const override { return 0; }
  std::string token(TokenId) const override { return {}; }
  std::string_view kind() const override { return "unusable"; }

 private:
  std::string fault_;
};

ModelTokenizer unusable(const Error& error) {
  return {std::make_unique<UnusableTokenizer>(error.what()),
          fmt::format("texts cannot be encoded, only records with input_ids: {}", error.what())};
}

}  // namespace

ModelTokenizer open_gguf_tokenizer(const GgufFile& file) {
  try {
    const std::string where = file.describe();
    return {make_tokenizer(read_gguf_tokenizer(file, where), where), {}};
  } catch (const Error& error) {
    return unusable(error);
  }
}

std::unique_ptr<Tokenizer> lower_casing(std::unique_ptr<Tokenizer> tokenizer) {
  return std::make_unique<AdjustedTokenizer>(std::move(tokenizer), true, std::nullopt);
}

ModelTokenizer open_model_tokenizer(const FileSet& files, const TokenizerWishes& wishes) {
  if (!has_tokenizer(files)) return {};
  std::unique_ptr<Tokenizer> tokenizer;
  try {
    tokenizer = load_tokenizer(files, wishes.hints);
  } catch (const Error& error) {
    return unusable(error);
  }
  if (!wishes.lower_case && !wishes.empty_text_token.has_value()) return {std::move(tokenizer), {}};
  return {std::make_unique<AdjustedTokenizer>(std::move(tokenizer), wishes.lower_case,
                                              wishes.empty_text_token),
          {}};
}

}  // namespace embedtool
