#include "formats/tokenizer/tokenizer_config.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

using Json = nlohmann::json;

// Classes whose normalizer transformers builds from tokenizer_config.json, and the model types that
// choose them where no class is named.
constexpr std::string_view kBertClasses[] = {
    "BertTokenizer",       "DistilBertTokenizer", "ElectraTokenizer",   "MPNetTokenizer",
    "MobileBertTokenizer", "ConvBertTokenizer",   "RetriBertTokenizer", "SqueezeBertTokenizer",
    "LayoutLMTokenizer",   "LxmertTokenizer",     "FunnelTokenizer",    "JinaBertTokenizer"};
constexpr std::string_view kBertTypes[] = {"bert",       "distilbert", "electra",    "mpnet",
                                           "mobilebert", "convbert",   "nomic_bert", "squeezebert"};
// Not tied to a kind of vocabulary: what is in vocab.txt decides.
constexpr std::string_view kAnyClasses[] = {"", "PreTrainedTokenizer", "TokenizersBackend",
                                            "AutoTokenizer"};

template <typename List>
bool lists(const List& list, std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<bool> flag_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_boolean()) return std::nullopt;
  return found->get<bool>();
}

void set_normalizer(const Json& config, TokenizerSpec& spec) {
  for (auto& part : spec.normalizer) {
    auto* normalizer = std::get_if<BertNormalizerSpec>(&part);
    if (normalizer == nullptr) continue;
    normalizer->lowercase = flag_of(config, "do_lower_case").value_or(true);
    normalizer->strip_accents = flag_of(config, "strip_accents");
    normalizer->handle_chinese_chars = flag_of(config, "tokenize_chinese_chars").value_or(true);
  }
}

std::optional<TokenId> id_of(const TokenizerSpec& spec, const std::string& content) {
  for (const AddedToken& token : spec.added_tokens) {
    if (token.content == content) return token.id;
  }
  const Vocabulary* vocabulary = nullptr;
  if (const auto* pieces = std::get_if<WordPieceSpec>(&spec.model))
    vocabulary = &pieces->vocabulary;
  if (const auto* bpe = std::get_if<BpeSpec>(&spec.model)) vocabulary = &bpe->vocabulary;
  const TokenId id = vocabulary == nullptr ? Vocabulary::kAbsent : vocabulary->find(content);
  if (id == Vocabulary::kAbsent) return std::nullopt;
  return id;
}

void add_special(const Json& config, const char* flag, const char* name, const std::string& where,
                 const TokenizerSpec& spec, std::vector<TokenId>& ids) {
  if (!flag_of(config, flag).value_or(false) || !ids.empty()) return;
  const auto entry = config.find(name);
  const std::string content = entry != config.end() && entry->is_object()
                                  ? text_of(*entry, "content")
                                  : text_of(config, name);
  if (content.empty()) return;  // transformers adds nothing either
  const auto id = id_of(spec, content);
  if (!id) {
    throw Error(ExitCode::model, "{}: \"{}\" asks for the token '{}', which the tokenizer lacks",
                where, flag, content);
  }
  ids.push_back(*id);
}

// Ids are keys: {"50281": {"content": "|||IP_ADDRESS|||", …}}.
void add_tokens(const Json& config, const std::string& where, TokenizerSpec& spec) {
  const auto list = config.find("added_tokens_decoder");
  if (list == config.end() || !list->is_object()) return;
  for (const auto& [key, entry] : list->items()) {
    AddedToken token;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token.id);
    if (error != std::errc() || end != key.data() + key.size() || token.id < 0 ||
        !entry.is_object()) {
      throw Error(ExitCode::model, "{}: 'added_tokens_decoder' should map ids to tokens", where);
    }
    token.content = text_of(entry, "content");
    if (token.content.empty() || id_of(spec, token.content) == token.id) continue;
    token.single_word = flag_of(entry, "single_word").value_or(false);
    token.lstrip = flag_of(entry, "lstrip").value_or(false);
    token.rstrip = flag_of(entry, "rstrip").value_or(false);
    token.normalized = flag_of(entry, "normalized").value_or(false);
    spec.added_tokens.push_back(std::move(token));
  }
}

}  // namespace

std::string tokenizer_class_of(const Json& tokenizer_config, const Json& config) {
  std::string name = text_of(tokenizer_config, "tokenizer_class");
  if (name.empty()) name = text_of(config, "tokenizer_class");
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  return name;
}

bool is_bert_tokenizer(const std::string& tokenizer_class, const std::string& model_type) {
  return tokenizer_class.empty() ? lists(kBertTypes, model_type)
                                 : lists(kBertClasses, tokenizer_class);
}

void check_wordpiece_class(const std::string& tokenizer_class, const std::string& where) {
  if (lists(kBertClasses, tokenizer_class) || lists(kAnyClasses, tokenizer_class)) return;
  throw Error(
      ExitCode::model,
      "{}: is of a {}, which splits words in a way of its own{}; from a vocab.txt only the "
      "WordPiece of BERT's classes is read; use a model with a tokenizer.json, or encode "
      "records with input_ids",
      where, tokenizer_class,
      tokenizer_class == "BertJapaneseTokenizer" ? " (MeCab or Sudachi, with a dictionary)" : "");
}

void apply_tokenizer_config(const Json& config, bool bert_class, const std::string& where,
                            TokenizerSpec& spec) {
  if (bert_class) set_normalizer(config, spec);
  add_tokens(config, where, spec);
  add_special(config, "add_bos_token", "bos_token", where, spec, spec.special.prefix);
  add_special(config, "add_eos_token", "eos_token", where, spec, spec.special.suffix);
}

}  // namespace embedtool
