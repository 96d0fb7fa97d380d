#include "formats/tokenizer/tokenizer_family.hpp"

#include <algorithm>
#include <optional>
#include <span>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

/// A special token whose id is said outright, counted on from the last piece, or that of its piece.
enum class IdRule : std::uint8_t { fixed, after_pieces, piece };
struct NamedToken {
  std::string_view content;
  IdRule rule;
  TokenId id = 0;
  bool lstrip = false;
};

struct Family {
  std::string_view model_type;
  std::string_view tokenizer_class;
  TokenId id_offset;
  std::span<const std::pair<std::int32_t, TokenId>> fixed_ids;
  std::span<const NamedToken> tokens;
  std::span<const std::string_view> prefix;  // contents, of `tokens`
  std::span<const std::string_view> suffix;
  int extra_ids = 0;  // <extra_id_0> …, numbered downwards to the end of the vocabulary
  bool accents_and_case = false;  // tokenizer_config.json has a say in accents and case
  bool lowercase = false;         // … and this is what holds when it says nothing
};

constexpr std::string_view kBos[] = {"<s>"};
constexpr std::string_view kEos[] = {"</s>"};
constexpr std::string_view kCls[] = {"[CLS]"};
constexpr std::string_view kSep[] = {"[SEP]"};
constexpr std::string_view kSepCls[] = {"<sep>", "<cls>"};

// fairseq numbered <s> <pad> </s> <unk> first, where the model has <unk> <s> </s>.
constexpr std::pair<std::int32_t, TokenId> kXlmrFixed[] = {{0, 3}, {1, 0}, {2, 2}};
constexpr NamedToken kXlmrTokens[] = {{"<s>", IdRule::fixed, 0},
                                      {"<pad>", IdRule::fixed, 1},
                                      {"</s>", IdRule::fixed, 2},
                                      {"<unk>", IdRule::fixed, 3},
                                      {"<mask>", IdRule::after_pieces, 0, true}};

// Five of its own before the pieces, of which unknown goes to the fourth; its <s> and </s> are the
// model's.
constexpr std::pair<std::int32_t, TokenId> kCamembertFixed[] = {{0, 3}};
constexpr NamedToken kCamembertTokens[] = {{"<s>NOTUSED", IdRule::fixed, 0},
                                           {"<pad>", IdRule::fixed, 1},
                                           {"</s>NOTUSED", IdRule::fixed, 2},
                                           {"<unk>", IdRule::fixed, 3},
                                           {"<unk>NOTUSED", IdRule::fixed, 4},
                                           {"<s>", IdRule::piece},
                                           {"</s>", IdRule::piece},
                                           {"<mask>", IdRule::after_pieces, 0, true}};

constexpr NamedToken kT5Tokens[] = {
    {"</s>", IdRule::piece}, {"<unk>", IdRule::piece}, {"<pad>", IdRule::piece}};
constexpr NamedToken kAlbertTokens[] = {{"[CLS]", IdRule::piece},
                                        {"[SEP]", IdRule::piece},
                                        {"<unk>", IdRule::piece},
                                        {"<pad>", IdRule::piece},
                                        {"[MASK]", IdRule::piece, 0, true}};
constexpr NamedToken kXlnetTokens[] = {{"<s>", IdRule::piece},
                                       {"</s>", IdRule::piece},
                                       {"<unk>", IdRule::piece},
                                       {"<sep>", IdRule::piece},
                                       {"<pad>", IdRule::piece},
                                       {"<cls>", IdRule::piece},
                                       {"<mask>", IdRule::piece, 0, true},
                                       {"<eop>", IdRule::piece},
                                       {"<eod>", IdRule::piece}};

constexpr Family kFamilies[] = {
    {"xlm-roberta", "XLMRobertaTokenizer", 1, kXlmrFixed, kXlmrTokens, kBos, kEos},
    {"camembert", "CamembertTokenizer", 4, kCamembertFixed, kCamembertTokens, kBos, kEos},
    {"t5", "T5Tokenizer", 0, {}, kT5Tokens, {}, kEos, 100},
    {"mt5", "MT5Tokenizer", 0, {}, kT5Tokens, {}, kEos, 100},
    {"albert", "AlbertTokenizer", 0, {}, kAlbertTokens, kCls, kSep, 0, true, true},
    {"xlnet", "XLNetTokenizer", 0, {}, kXlnetTokens, {}, kSepCls, 0, true, false},
    // Tables of token vectors: rows are pieces, and there is no token beside them.
    {"model2vec", "model2vec", 0, {}, {}, {}, {}},
    {"static", "static", 0, {}, {}, {}, {}},
};

const Family* find_family(std::string_view name) {
  if (name.ends_with("Fast")) name.remove_suffix(4);
  const auto* found = std::find_if(std::begin(kFamilies), std::end(kFamilies), [&](const auto& f) {
    return f.model_type == name || f.tokenizer_class == name;
  });
  return found == std::end(kFamilies) ? nullptr : found;
}

std::optional<TokenId> piece_index(const SentencePieceFacts& model, std::string_view piece) {
  const auto found = std::find(model.pieces.begin(), model.pieces.end(), piece);
  if (found == model.pieces.end()) return std::nullopt;
  return static_cast<TokenId>(found - model.pieces.begin());
}

std::optional<TokenId> id_of(const Family& family, const NamedToken& token,
                             const SentencePieceFacts& model) {
  switch (token.rule) {
    case IdRule::fixed:
      return token.id;
    case IdRule::after_pieces:
      return static_cast<TokenId>(model.pieces.size()) + family.id_offset + token.id;
    case IdRule::piece:
      break;
  }
  const auto index = piece_index(model, token.content);
  if (!index) return std::nullopt;
  return *index + family.id_offset;
}

void add_extra_ids(int count, const SentencePieceFacts& model, std::vector<AddedToken>& tokens) {
  for (int i = 0; i < count; ++i) {
    AddedToken token;
    token.content = "<extra_id_" + std::to_string(i) + ">";
    const TokenId after = static_cast<TokenId>(model.pieces.size()) + count - 1 - i;
    token.id = piece_index(model, token.content).value_or(after);
    tokens.push_back(std::move(token));
  }
}

}  // namespace

bool apply_tokenizer_family(std::string_view name, const SentencePieceFacts& model,
                            const std::string& where, TokenizerSpec& spec) {
  const Family* family = find_family(name);
  if (family == nullptr) return false;
  auto& pieces = std::get<SentencePieceSpec>(spec.model);
  pieces.id_offset = family->id_offset;
  pieces.fixed_ids.assign(family->fixed_ids.begin(), family->fixed_ids.end());
  pieces.rules.ascii_quotes = family->accents_and_case;
  pieces.rules.strip_accents = family->accents_and_case;
  pieces.rules.lowercase = family->lowercase;

  for (const NamedToken& token : family->tokens) {
    const auto id = id_of(*family, token, model);
    if (!id) continue;
    AddedToken added;
    added.content = token.content;
    added.id = *id;
    added.lstrip = token.lstrip;
    spec.added_tokens.push_back(std::move(added));
  }
  const auto resolve = [&](std::span<const std::string_view> contents, std::vector<TokenId>& ids) {
    for (const std::string_view content : contents) {
      const auto found = std::find_if(spec.added_tokens.begin(), spec.added_tokens.end(),
                                      [&](const auto& token) { return token.content == content; });
      if (found == spec.added_tokens.end()) {
        throw Error(ExitCode::model, "{}: the model has no piece '{}', which {} needs", where,
                    content, family->tokenizer_class);
      }
      ids.push_back(found->id);
    }
  };
  resolve(family->prefix, spec.special.prefix);
  resolve(family->suffix, spec.special.suffix);
  add_extra_ids(family->extra_ids, model, spec.added_tokens);
  return true;
}

}  // namespace embedtool
