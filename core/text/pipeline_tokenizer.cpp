#include "core/text/pipeline_tokenizer.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/text/special_tokens.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kMaxPieceBytes = 8192;
constexpr std::size_t kMinPieceBytes = 256;
// A first guess at the text that a token takes; a wrong guess costs a little time, nothing else.
constexpr std::size_t kBytesPerToken = 6;

AddedTokenMatcher matcher_of(const std::vector<AddedToken>& tokens, bool normalized,
                             const Normalizer* normalizer) {
  std::vector<AddedToken> chosen;
  for (const AddedToken& token : tokens) {
    if (token.normalized != normalized) continue;
    chosen.push_back(token);
    if (!normalized || normalizer == nullptr) continue;
    chosen.back().content.clear();
    normalizer->normalize(token.content, chosen.back().content);
  }
  return AddedTokenMatcher(std::move(chosen));
}

}  // namespace

struct PipelineTokenizer::Scratch : Tokenizer::Scratch {
  std::unique_ptr<WordModel::Scratch> model;
  std::string normalized;
  std::vector<std::string_view> words;
};

// One call of encode().
struct PipelineTokenizer::Run {
  Scratch& scratch;
  std::vector<TokenId>& out;
  IdBudget budget;
};

PipelineTokenizer::PipelineTokenizer(TokenizerSpec spec, std::unique_ptr<WordModel> model)
    : all_added_(std::move(spec.added_tokens)),
      added_({}),
      normalized_added_({}),
      normalizer_(make_normalizer(spec.normalizer)),
      pre_tokenizer_(make_pre_tokenizer(spec.pre_tokenizer)),
      model_(std::move(model)),
      special_(std::move(spec.special)),
      drop_unknown_(spec.drop_unknown) {
  added_ = matcher_of(all_added_, false, nullptr);
  normalized_added_ = matcher_of(all_added_, true, normalizer_.get());
  // A text without a normalizer can be cut anywhere, but has no blanks put around ideographs.
  cuts_ = normalizer_ ? normalizer_->cuts() : CutRule{true, true, false};
  cuts_ = cuts_ & (pre_tokenizer_ ? pre_tokenizer_->cuts() : CutRule{}) & normalized_added_.cuts();
}

std::unique_ptr<Tokenizer::Scratch> PipelineTokenizer::make_scratch() const {
  auto scratch = std::make_unique<Scratch>();
  scratch->model = model_->make_scratch();
  return scratch;
}

TokenizeResult PipelineTokenizer::encode(std::string_view text, const TokenizeOptions& options,
                                         Tokenizer::Scratch& scratch,
                                         std::vector<TokenId>& out) const {
  Run run{static_cast<Scratch&>(scratch), out, IdBudget(special_, options, out)};
  encode_text(run, text);
  return run.budget.finish(out);
}

void PipelineTokenizer::encode_text(Run& run, std::string_view text) const {
  const std::size_t target = std::clamp(run.budget.limit() / kBytesPerToken < kMaxPieceBytes
                                            ? run.budget.limit() * kBytesPerToken
                                            : kMaxPieceBytes,
                                        kMinPieceBytes, kMaxPieceBytes);
  std::size_t piece_end = 0;
  for (std::size_t at = 0; at < text.size() && !run.budget.spent(run.out);) {
    if (at >= piece_end) piece_end = find_cut(text, at, target, cuts_);
    const auto match = added_.find(text, at, piece_end);
    encode_piece(run, text.substr(at, (match ? match->begin : piece_end) - at));
    if (match) emit(run, match->id);
    at = match ? match->end : piece_end;
  }
}

void PipelineTokenizer::encode_piece(Run& run, std::string_view piece) const {
  if (piece.empty()) return;
  if (normalizer_) {
    run.scratch.normalized.clear();
    normalizer_->normalize(piece, run.scratch.normalized);
    piece = run.scratch.normalized;
  }
  for (std::size_t at = 0; at < piece.size() && !run.budget.spent(run.out);) {
    const auto match = normalized_added_.find(piece, at, piece.size());
    encode_words(run, piece.substr(at, (match ? match->begin : piece.size()) - at));
    if (match) emit(run, match->id);
    at = match ? match->end : piece.size();
  }
}

void PipelineTokenizer::encode_words(Run& run, std::string_view text) const {
  std::vector<std::string_view>& words = run.scratch.words;
  words.clear();
  if (pre_tokenizer_) {
    pre_tokenizer_->split(text, words);
  } else if (!text.empty()) {
    words.push_back(text);
  }
  for (const std::string_view word : words) {
    const std::size_t before = run.out.size();
    model_->encode(word, *run.scratch.model, run.out);
    if (drop_unknown_) {
      const auto from = run.out.begin() + static_cast<std::ptrdiff_t>(before);
      run.out.erase(std::remove(from, run.out.end(), model_->unknown_id()), run.out.end());
    }
    if (run.budget.spent(run.out)) return;
  }
}

void PipelineTokenizer::emit(Run& run, TokenId id) const {
  if (drop_unknown_ && id == model_->unknown_id()) return;
  run.out.push_back(id);
}

std::size_t PipelineTokenizer::vocab_size() const {
  TokenId largest = model_->vocabulary().max_id();
  for (const AddedToken& token : all_added_) largest = std::max(largest, token.id);
  return static_cast<std::size_t>(largest + 1);
}

std::string PipelineTokenizer::token(TokenId id) const {
  for (const AddedToken& added : all_added_) {
    if (added.id == id) return added.content;
  }
  return std::string(model_->vocabulary().token(id).value_or(std::string_view()));
}

}  // namespace embedtool
