#include "formats/tokenizer/tokenizer_json.hpp"

#include <optional>
#include <utility>
#include <variant>

#include "core/base/error.hpp"
#include "formats/tokenizer/tokenizer_json_members.hpp"

namespace embedtool {
namespace {

using namespace tokenizer_json;

constexpr std::size_t kMaxBytes = std::size_t{256} << 20;

// Special tokens first, as the reference ranks them where two look alike once normalized.
std::vector<AddedToken> read_added_tokens(const Members& root) {
  std::vector<AddedToken> tokens;
  std::vector<AddedToken> others;
  if (!root.find("added_tokens")) return tokens;
  for (const dom::element element : root.get<dom::array>("added_tokens")) {
    const Members token = root.of(element, "an added token");
    auto& list = token.get_or("special", false) ? tokens : others;
    list.push_back({std::string(token.get<std::string_view>("content")), token.id("id"),
                    token.get_or("single_word", false), token.get_or("lstrip", false),
                    token.get_or("rstrip", false), token.get_or("normalized", false)});
  }
  tokens.insert(tokens.end(), others.begin(), others.end());
  return tokens;
}

/// The pieces of a TemplateProcessing for one sequence: special tokens before and after it.
SpecialTemplate read_template(const Members& json) {
  SpecialTemplate special;
  const auto tokens = json.inner("special_tokens");
  bool after_text = false;
  for (const dom::element element : json.get<dom::array>("single")) {
    const Members piece = json.of(element, "a piece of the template");
    if (const auto sequence = piece.inner("Sequence")) {
      if (after_text || sequence->text("id", "A") != "A") {
        json.fail("the template for one text names more than one");
      }
      after_text = true;
      continue;
    }
    const auto special_piece = piece.inner("SpecialToken");
    if (!special_piece) json.fail("a piece is neither Sequence nor SpecialToken");
    const std::string name(special_piece->get<std::string_view>("id"));
    const auto token = tokens ? tokens->inner(name) : std::nullopt;
    if (!token) json.fail("special token '{}' is not defined", name);
    for (const dom::element id : token->get<dom::array>("ids")) {
      (after_text ? special.suffix : special.prefix).push_back(token->checked_id(id, name));
    }
  }
  if (!after_text) json.fail("the template does not contain the text");
  return special;
}

/// `"sep": ["[SEP]", 102]`, as BertProcessing and RobertaProcessing have it.
TokenId read_named_id(const Members& json, std::string_view key) {
  dom::element id;
  if (json.get<dom::array>(key).at(1).get(id) != simdjson::SUCCESS) {
    json.fail("'{}' is not a token and its id", key);
  }
  return json.checked_id(id, key);
}

// Processors wrap one another; ByteLevel only trims offsets, which we have none of.
SpecialTemplate read_processor(const Members& json, int depth) {
  if (depth > kMaxNesting) json.fail("Sequences nest too deeply");
  const auto type = json.get<std::string_view>("type");
  if (type == "ByteLevel") return {};
  if (type == "TemplateProcessing") return read_template(json);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    return {{read_named_id(json, "cls")}, {read_named_id(json, "sep")}};
  }
  if (type != "Sequence") json.fail_unknown(type);
  SpecialTemplate all;
  for (const dom::element element : json.get<dom::array>("processors")) {
    SpecialTemplate outer = read_processor(json.of(element, "a processor"), depth + 1);
    outer.prefix.insert(outer.prefix.end(), all.prefix.begin(), all.prefix.end());
    all.suffix.insert(all.suffix.end(), outer.suffix.begin(), outer.suffix.end());
    all.prefix = std::move(outer.prefix);
  }
  return all;
}

SpecialTemplate read_post_processor(const Members& root) {
  const auto json = root.inner("post_processor");
  return json ? read_processor(*json, 0) : SpecialTemplate();
}

/// The tokens of a model and how many there are, for the ids of added ones.
struct TokensOfModel {
  const Vocabulary* vocabulary = nullptr;
  Vocabulary own;
  std::size_t size = 0;
};

TokensOfModel tokens_of(const TokenModelSpec& model) {
  TokensOfModel tokens;
  if (const auto* word_piece = std::get_if<WordPieceSpec>(&model)) {
    tokens.vocabulary = &word_piece->vocabulary;
  } else if (const auto* bpe = std::get_if<BpeSpec>(&model)) {
    tokens.vocabulary = &bpe->vocabulary;
  } else if (const auto* unigram = std::get_if<UnigramSpec>(&model)) {
    for (std::size_t id = 0; id < unigram->pieces.size(); ++id) {
      tokens.own.add(unigram->pieces[id].text, static_cast<TokenId>(id));
    }
    tokens.size = unigram->pieces.size();
    return tokens;
  }
  tokens.size = tokens.vocabulary->size();
  return tokens;
}

// The reference gives an added token the id that the vocabulary has for it, or else the next one
// after the vocabulary's, whatever id the list says. In files that it wrote the two agree.
void settle_added_ids(std::vector<AddedToken>& added, const TokenModelSpec& model) {
  const TokensOfModel tokens = tokens_of(model);
  const Vocabulary& vocabulary = tokens.vocabulary != nullptr ? *tokens.vocabulary : tokens.own;
  auto next = static_cast<TokenId>(tokens.size);
  Vocabulary fresh;
  for (AddedToken& token : added) {
    token.id = vocabulary.find(token.content);
    if (token.id == Vocabulary::kAbsent) token.id = fresh.find(token.content);
    if (token.id == Vocabulary::kAbsent) fresh.add(token.content, token.id = next++);
  }
}

// That a model reads bytes is said among the pre-tokenizers, and must be said last: the others
// would see the bytes' visible alphabet.
void settle_bytes(const Members& root, TokenizerSpec& spec) {
  auto* bpe = std::get_if<BpeSpec>(&spec.model);
  for (std::size_t i = 0; i < spec.pre_tokenizer.size(); ++i) {
    if (!std::holds_alternative<ByteLevelSpec>(spec.pre_tokenizer[i])) continue;
    if (bpe == nullptr || i + 1 < spec.pre_tokenizer.size()) {
      root.fail("pre_tokenizer: 'ByteLevel' is supported only as the last step and before BPE");
    }
    bpe->byte_level = true;
  }
}

}  // namespace

TokenizerSpec read_tokenizer_json(std::string_view text, const std::string& where) {
  if (text.size() > kMaxBytes) {
    throw Error(ExitCode::model, "{}: {} bytes are too many for a tokenizer", where, text.size());
  }
  dom::parser parser;
  dom::element document;
  dom::object object;
  if (const auto error = parser.parse(text.data(), text.size()).get(document)) {
    throw Error(ExitCode::model, "{}: not JSON: {}", where, simdjson::error_message(error));
  }
  if (document.get(object) != simdjson::SUCCESS) {
    throw Error(ExitCode::model, "{}: not a tokenizer: expected a JSON object", where);
  }
  const Members root(object, "", where);
  const auto model = root.inner("model");
  if (!model) root.fail("it has no 'model': not a tokenizer.json of Hugging Face tokenizers");

  TokenizerSpec spec;
  spec.model = read_model(*model);
  spec.added_tokens = read_added_tokens(root);
  settle_added_ids(spec.added_tokens, spec.model);
  spec.normalizer = read_normalizer(root);
  spec.pre_tokenizer = read_pre_tokenizer(root);
  settle_bytes(root, spec);
  spec.special = read_post_processor(root);
  return spec;
}

}  // namespace embedtool
