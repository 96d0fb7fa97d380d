#include "formats/tokenizer_json.hpp"

#include <simdjson.h>

#include <limits>
#include <optional>
#include <utility>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMaxBytes = std::size_t{256} << 20;

/// Reads members of one JSON object, with errors that say where they are.
class Members {
 public:
  Members(dom::object object, std::string path, const std::string& where)
      : object_(object), path_(std::move(path)), where_(where) {}

  const std::string& path() const { return path_; }

  /// The member, or nothing where it is absent or null.
  std::optional<dom::element> find(std::string_view key) const {
    dom::element value;
    if (object_[key].get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
    return value;
  }

  template <typename T>
  T get(std::string_view key) const {
    const auto value = find(key);
    T result{};
    if (!value || value->get(result) != simdjson::SUCCESS) {
      fail("'{}' is missing or of the wrong type", key);
    }
    return result;
  }

  template <typename T>
  T get_or(std::string_view key, T fallback) const {
    return find(key) ? get<T>(key) : fallback;
  }

  std::string text(std::string_view key, std::string_view fallback) const {
    return std::string(get_or<std::string_view>(key, fallback));
  }

  TokenId id(std::string_view key) const { return checked_id(get<dom::element>(key), key); }

  TokenId checked_id(dom::element value, std::string_view what) const {
    std::uint64_t id = 0;
    if (value.get(id) != simdjson::SUCCESS ||
        id >= static_cast<std::uint64_t>(std::numeric_limits<TokenId>::max())) {
      fail("the id of '{}' is not a number from 0 to 2147483646", what);
    }
    return static_cast<TokenId>(id);
  }

  /// The object behind `key`; nothing where it is absent or null.
  std::optional<Members> inner(std::string_view key) const {
    const auto value = find(key);
    if (!value) return std::nullopt;
    dom::object object;
    const std::string path = path_.empty() ? std::string(key) : path_ + "." + std::string(key);
    if (value->get(object) != simdjson::SUCCESS) fail("'{}' is not an object", key);
    return Members(object, path, where_);
  }

  Members of(dom::element element, std::string_view what) const {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) fail("{} is not an object", what);
    return Members(object, path_, where_);
  }

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw Error(ExitCode::model, "{}: {}{}{}", where_, path_, path_.empty() ? "" : ": ",
                fmt::format(format, std::forward<Args>(args)...));
  }

  [[noreturn]] void fail_unknown(std::string_view type) const {
    fail("'{}' is not supported; ids would be wrong without it", type);
  }

 private:
  dom::object object_;
  std::string path_;
  const std::string& where_;
};

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

NormalizerSpec read_normalizer(const Members& root) {
  const auto json = root.inner("normalizer");
  if (!json) return {};
  const auto type = json->get<std::string_view>("type");
  if (type == "BertNormalizer") {
    BertNormalizerSpec spec;
    spec.clean_text = json->get_or("clean_text", spec.clean_text);
    spec.handle_chinese_chars = json->get_or("handle_chinese_chars", spec.handle_chinese_chars);
    if (json->find("strip_accents")) spec.strip_accents = json->get<bool>("strip_accents");
    spec.lowercase = json->get_or("lowercase", spec.lowercase);
    return spec;
  }
  json->fail_unknown(type);
}

PreTokenizerSpec read_pre_tokenizer(const Members& root) {
  const auto json = root.inner("pre_tokenizer");
  if (!json) return {};
  const auto type = json->get<std::string_view>("type");
  if (type == "BertPreTokenizer") return BertPreTokenizerSpec{};
  json->fail_unknown(type);
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
  if (!after_text) json.fail("the template leaves the text out");
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

SpecialTemplate read_post_processor(const Members& root) {
  const auto json = root.inner("post_processor");
  if (!json) return {};
  const auto type = json->get<std::string_view>("type");
  if (type == "TemplateProcessing") return read_template(*json);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    return {{read_named_id(*json, "cls")}, {read_named_id(*json, "sep")}};
  }
  json->fail_unknown(type);
}

// Files from before models had a type are told apart by what they hold.
std::string model_type(const Members& model) {
  if (model.find("type")) return std::string(model.get<std::string_view>("type"));
  if (model.find("merges")) return "BPE";
  if (model.find("unk_id")) return "Unigram";
  return model.find("continuing_subword_prefix") ? "WordPiece" : "of no type";
}

WordPieceSpec read_wordpiece(const Members& model) {
  WordPieceSpec spec;
  spec.unk_token = model.text("unk_token", spec.unk_token);
  spec.continuing_subword_prefix =
      model.text("continuing_subword_prefix", spec.continuing_subword_prefix);
  spec.max_input_chars_per_word = static_cast<std::size_t>(
      model.get_or<std::uint64_t>("max_input_chars_per_word", spec.max_input_chars_per_word));
  const auto vocabulary = model.get<dom::object>("vocab");
  spec.vocabulary.reserve(vocabulary.size());
  for (const auto field : vocabulary) {
    spec.vocabulary.add(field.key, model.checked_id(field.value, field.key));
  }
  return spec;
}

/// Unigram lists its pieces as [piece, score]; the id is the place in the list.
Vocabulary read_unigram_pieces(const Members& model) {
  Vocabulary vocabulary;
  TokenId id = 0;
  for (const dom::element entry : model.get<dom::array>("vocab")) {
    dom::array pair;
    std::string_view piece;
    if (entry.get(pair) != simdjson::SUCCESS || pair.at(0).get(piece) != simdjson::SUCCESS) {
      model.fail("entry {} of the vocabulary is not a piece and its score", id);
    }
    vocabulary.add(piece, id++);
  }
  return vocabulary;
}

// The reference gives an added token the id that the vocabulary has for it, or else the next one
// after the vocabulary's, whatever id the list says. In files that it wrote the two agree.
void settle_added_ids(std::vector<AddedToken>& tokens, const Vocabulary& vocabulary) {
  auto next = static_cast<TokenId>(vocabulary.size());
  Vocabulary added;
  for (AddedToken& token : tokens) {
    token.id = vocabulary.find(token.content);
    if (token.id == Vocabulary::kAbsent) token.id = added.find(token.content);
    if (token.id == Vocabulary::kAbsent) added.add(token.content, token.id = next++);
  }
}

}  // namespace

TokenizerJson read_tokenizer_json(std::string_view text, const std::string& where,
                                  ForeignModels foreign) {
  if (text.size() > kMaxBytes) {
    throw Error(ExitCode::model, "{}: {} bytes, more than any tokenizer has", where, text.size());
  }
  dom::parser parser;
  dom::element document;
  dom::object object;
  if (const auto error = parser.parse(text.data(), text.size()).get(document)) {
    throw Error(ExitCode::model, "{}: not JSON: {}", where, simdjson::error_message(error));
  }
  if (document.get(object) != simdjson::SUCCESS) {
    throw Error(ExitCode::model, "{}: not a tokenizer: an object is expected", where);
  }
  const Members root(object, "", where);
  const auto model = root.inner("model");
  if (!model) root.fail("it has no 'model': not a tokenizer.json of Hugging Face tokenizers");

  TokenizerJson result;
  result.spec.added_tokens = read_added_tokens(root);
  const std::string type = model_type(*model);
  if (type == "WordPiece") {
    WordPieceSpec spec = read_wordpiece(*model);
    settle_added_ids(result.spec.added_tokens, spec.vocabulary);
    result.spec.model = std::move(spec);
    result.spec.normalizer = read_normalizer(root);
    result.spec.pre_tokenizer = read_pre_tokenizer(root);
  } else {
    if (foreign == ForeignModels::refuse) model->fail_unknown(type);
    result.foreign_model = type;
    if (type == "Unigram") result.foreign_vocabulary = read_unigram_pieces(*model);
  }
  result.spec.special = read_post_processor(root);
  return result;
}

}  // namespace embedtool
