#include "core/text/pipeline/pipeline_tokenizer.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/base/check.hpp"
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
  NormalizerScratch scratch;
  for (const AddedToken& token : tokens) {
    if (token.normalized != normalized) continue;
    chosen.push_back(token);
    if (normalizer != nullptr) {
      chosen.back().content = std::string(normalizer->normalize(token.content, {}, scratch));
    }
  }
  return AddedTokenMatcher(std::move(chosen));
}

}  // namespace

struct PipelineTokenizer::Scratch : Tokenizer::Scratch {
  std::unique_ptr<WordModel::Scratch> model;
  NormalizerScratch normalizer;
  PreTokenizerScratch pre_tokenizer;
};

// One call of encode().
struct PipelineTokenizer::Run {
  Scratch& scratch;
  std::vector<TokenId>& out;
  IdBudget budget;
};

PipelineTokenizer::PipelineTokenizer(TokenizerSpec spec, std::unique_ptr<WordModel> model,
                                     const std::string& where)
    : all_added_(std::move(spec.added_tokens)),
      added_({}),
      normalized_added_({}),
      normalizer_(std::move(spec.normalizer), where),
      pre_tokenizer_(spec.pre_tokenizer, where),
      model_(std::move(model)),
      special_(std::move(spec.special)),
      drop_unknown_(spec.drop_unknown) {
  added_ = matcher_of(all_added_, false, nullptr);
  normalized_added_ = matcher_of(all_added_, true, &normalizer_);
  cuts_ = normalizer_.cuts() & pre_tokenizer_.cuts() & normalized_added_.cuts() & model_cuts();
}

// Where words reach across blanks, the model must stand a word's being cut in two: at whatever the
// stages before it make of a blank.
CutRule PipelineTokenizer::model_cuts() const {
  if (pre_tokenizer_.ends_at_blanks()) return CutRule::everywhere();
  NormalizerScratch normalizer;
  PreTokenizerScratch pre_tokenizer;
  const std::string_view normal = normalizer_.normalize("a a", {false, false}, normalizer);
  const auto words = pre_tokenizer_.split({normal, false}, pre_tokenizer);
  if (words.size() != 1) return {};
  std::string_view between = words[0].text;
  const std::size_t first = between.find('a');
  const std::size_t last = between.rfind('a');
  if (first == last) return {};
  between = between.substr(first + 1, last - first - 1);
  return !between.empty() && model_->cuts_before(between) ? CutRule::at_blanks() : CutRule{};
}

std::unique_ptr<Tokenizer::Scratch> PipelineTokenizer::make_scratch() const {
  auto scratch = std::make_unique<Scratch>();
  scratch->model = model_->make_scratch();
  return scratch;
}

TokenizeResult PipelineTokenizer::encode(std::string_view text, const TokenizeOptions& options,
                                         Tokenizer::Scratch& scratch,
                                         std::vector<TokenId>& out) const {
  EMBEDTOOL_CHECK(dynamic_cast<Scratch*>(&scratch) != nullptr);
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
  bool after_cut = false;
  for (std::size_t at = 0; at < text.size() && !run.budget.spent(run.out);) {
    if (at >= piece_end) piece_end = find_cut(text, at, target, cuts_);
    const auto match = added_.find(text, at, piece_end);
    const std::size_t end = match ? match->begin : piece_end;
    const bool last = match.has_value() || end == text.size();
    encode_piece(run, text.substr(at, end - at), {{!after_cut, last}, at == 0});
    if (match) emit(run, match->id);
    at = match ? match->end : piece_end;
    after_cut = !match;
  }
}

void PipelineTokenizer::encode_piece(Run& run, std::string_view piece, Place place) const {
  if (piece.empty()) return;
  piece = normalizer_.normalize(piece, place.edges, run.scratch.normalizer);
  for (std::size_t at = 0; at < piece.size() && !run.budget.spent(run.out);) {
    const auto match = normalized_added_.find(piece, at, piece.size());
    encode_words(run, piece.substr(at, (match ? match->begin : piece.size()) - at),
                 place.first && at == 0, !place.edges.first && at == 0);
    if (match) emit(run, match->id);
    at = match ? match->end : piece.size();
  }
}

void PipelineTokenizer::encode_words(Run& run, std::string_view text, bool first,
                                     bool continues) const {
  Joint joint = continues ? Joint::continues : Joint::starts;
  if (pre_tokenizer_.ends_at_blanks()) joint = Joint::none;
  for (const TextPart word : pre_tokenizer_.split({text, first}, run.scratch.pre_tokenizer)) {
    const std::size_t before = run.out.size();
    model_->encode(word.text, joint, *run.scratch.model, run.out);
    if (joint == Joint::continues) joint = Joint::starts;
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
