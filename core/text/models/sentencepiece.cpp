#include <sentencepiece_processor.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/text/models/sentencepiece_proto.hpp"
#include "core/text/models/sentencepiece_tokenizer.hpp"
#include "core/text/special_tokens.hpp"
#include "core/text/split/added_tokens.hpp"
#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

constexpr std::string_view kBlank = "\xE2\x96\x81";  // U+2581, what the model reads for a space

// A first guess at the text that a token takes, and the least worth a call.
constexpr std::size_t kBytesPerToken = 8;
constexpr std::size_t kMinPrefixBytes = 512;
// The library needs some 70 bytes of memory for each byte of a call's text.
constexpr std::size_t kMaxCallBytes = std::size_t{1} << 20;

/// Whether the text is segmented apart on both sides of every blank: no piece holds one beyond its
/// first character. Then every segmentation of the whole text has a boundary before each blank,
/// the best one consists of the best ones of the parts, and as the library sums scores from the
/// left, those of a prefix that ends before a blank are the very numbers of the whole text.
bool blanks_separate(const sentencepiece::SentencePieceProcessor& processor) {
  for (int i = 0; i < processor.GetPieceSize(); ++i) {
    const std::string_view piece = processor.IdToPiece(i);
    if (piece.find(' ') != std::string_view::npos) return false;
    if (piece.find(kBlank, 1) != std::string_view::npos) return false;
  }
  return true;
}

class SentencePieceTokenizer : public Tokenizer {
 public:
  SentencePieceTokenizer(const TokenizerSpec& spec, const std::string& where);

  std::unique_ptr<Tokenizer::Scratch> make_scratch() const override {
    return std::make_unique<Scratch>();
  }
  TokenizeResult encode(std::string_view text, const TokenizeOptions& options,
                        Tokenizer::Scratch& scratch, std::vector<TokenId>& out) const override;
  std::size_t vocab_size() const override { return static_cast<std::size_t>(max_id_ + 1); }
  std::string token(TokenId id) const override;
  std::string_view kind() const override { return kind_; }

 private:
  struct Scratch : Tokenizer::Scratch {
    std::string prepared;
    std::vector<int> pieces;
  };
  struct Run {
    Scratch& scratch;
    std::vector<TokenId>& out;
    IdBudget budget;
  };

  std::size_t encode_between(Run& run, std::string_view text, std::size_t at) const;
  void append_ids(Run& run, std::string_view text) const;
  TokenId id_of(int piece) const;

  sentencepiece::SentencePieceProcessor processor_;
  std::string where_;
  std::string kind_;
  std::vector<AddedToken> all_added_;
  AddedTokenMatcher added_;
  SpecialTemplate special_;
  SentencePieceRules rules_;
  TokenId id_offset_;
  std::vector<std::pair<std::int32_t, TokenId>> fixed_ids_;
  TokenId max_id_ = 0;
  TokenId dropped_ = -1;
  CutRule cuts_;
};

SentencePieceTokenizer::SentencePieceTokenizer(const TokenizerSpec& spec, const std::string& where)
    : where_(where),
      all_added_(spec.added_tokens),
      added_(spec.added_tokens),
      special_(spec.special) {
  const auto& model = std::get<SentencePieceSpec>(spec.model);
  const SentencePieceFacts facts = inspect_sentencepiece(model.model);
  std::string fault = facts.fault;
  if (fault.empty()) {
    const std::string_view bytes(reinterpret_cast<const char*>(model.model.data()),
                                 model.model.size());
    try {
      const auto status = processor_.LoadFromSerializedProto(bytes);
      if (!status.ok()) fault = status.ToString();
    } catch (const std::exception& error) {
      fault = error.what();
    }
  }
  if (!fault.empty()) {
    throw Error(ExitCode::model, "{}: cannot read the sentencepiece model: {}", where, fault);
  }
  kind_ = "sentencepiece " + std::string(facts.algorithm);
  rules_ = model.rules;
  id_offset_ = model.id_offset;
  fixed_ids_ = model.fixed_ids;
  max_id_ = static_cast<TokenId>(processor_.GetPieceSize() - 1) + id_offset_;
  for (const auto& fixed : fixed_ids_) max_id_ = std::max(max_id_, fixed.second);
  for (const AddedToken& token : all_added_) max_id_ = std::max(max_id_, token.id);
  if (spec.drop_unknown) dropped_ = id_of(processor_.unk_id());
  cuts_.before_blank = blanks_separate(processor_);
}

TokenizeResult SentencePieceTokenizer::encode(std::string_view text, const TokenizeOptions& options,
                                              Tokenizer::Scratch& scratch,
                                              std::vector<TokenId>& out) const {
  EMBEDTOOL_CHECK(dynamic_cast<Scratch*>(&scratch) != nullptr);
  Run run{static_cast<Scratch&>(scratch), out, IdBudget(special_, options, out)};
  for (std::size_t at = 0; at < text.size() && !run.budget.spent(out);) {
    at = encode_between(run, text, at);
  }
  return run.budget.finish(out);
}

// Encodes what lies between `at` and the next added token, and that token, and returns where it
// ends. Tries a prefix that should be enough first, and longer ones until it is.
std::size_t SentencePieceTokenizer::encode_between(Run& run, std::string_view text,
                                                   std::size_t at) const {
  const std::size_t begin = run.out.size();
  const std::size_t wanted = run.budget.limit() - run.budget.used(run.out);
  std::size_t target = wanted < kMaxCallBytes / kBytesPerToken
                           ? std::max(wanted * kBytesPerToken, kMinPrefixBytes)
                           : kMaxCallBytes;
  for (;; target *= 2) {
    target = std::min(target, kMaxCallBytes);
    std::size_t end = find_cut(text, at, target, cuts_);
    if (end - at > kMaxCallBytes) end = at + kMaxCallBytes;  // no blank in a mebibyte
    while (end < text.size() && unicode::is_continuation(text[end])) ++end;

    const auto match = added_.find(text, at, end);
    append_ids(run, text.substr(at, (match ? match->begin : end) - at));
    if (match) {
      if (match->id != dropped_) run.out.push_back(match->id);
      return match->end;
    }
    if (end == text.size() || target == kMaxCallBytes || run.budget.spent(run.out)) return end;
    run.out.resize(begin);
  }
}

void SentencePieceTokenizer::append_ids(Run& run, std::string_view text) const {
  if (text.empty()) return;
  if (rules_.any()) {
    run.scratch.prepared.clear();
    apply_rules(rules_, text, run.scratch.prepared);
    text = run.scratch.prepared;
  }
  run.scratch.pieces.clear();
  const auto status = processor_.Encode(text, &run.scratch.pieces);
  if (!status.ok()) {
    throw Error(ExitCode::model, "{}: the sentencepiece model failed on a text: {}", where_,
                status.ToString());
  }
  for (const int piece : run.scratch.pieces) {
    const TokenId id = id_of(piece);
    if (id != dropped_) run.out.push_back(id);
  }
}

TokenId SentencePieceTokenizer::id_of(int piece) const {
  for (const auto& [fixed, id] : fixed_ids_) {
    if (fixed == piece) return id;
  }
  return piece + id_offset_;
}

std::string SentencePieceTokenizer::token(TokenId id) const {
  for (const AddedToken& added : all_added_) {
    if (added.id == id) return added.content;
  }
  const auto fixed = std::find_if(fixed_ids_.begin(), fixed_ids_.end(),
                                  [id](const auto& entry) { return entry.second == id; });
  const std::int64_t piece =
      fixed != fixed_ids_.end() ? fixed->first : std::int64_t{id} - id_offset_;
  if (piece < 0 || piece >= processor_.GetPieceSize()) return {};
  return processor_.IdToPiece(static_cast<int>(piece));
}

}  // namespace

std::unique_ptr<Tokenizer> make_sentencepiece(const TokenizerSpec& spec, const std::string& where) {
  return std::make_unique<SentencePieceTokenizer>(spec, where);
}

}  // namespace embedtool
