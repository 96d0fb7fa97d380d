#include "formats/model/model_colbert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/base/error.hpp"
#include "formats/model/settings_rules.hpp"

namespace embedtool {
namespace {

constexpr std::string_view kPunctuation = R"(!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~)";
constexpr std::int64_t kMaxLength = 1 << 20;

// Ids by name: of all tokens, since a tokenizer answers the other way round only.
class TokenIds {
 public:
  explicit TokenIds(const Tokenizer& tokenizer) {
    for (std::size_t i = 0; i < tokenizer.vocab_size(); ++i) {
      ids_.try_emplace(tokenizer.token(static_cast<TokenId>(i)), static_cast<TokenId>(i));
    }
  }
  std::optional<TokenId> find(const std::string& token) const {
    const auto found = ids_.find(token);
    if (found == ids_.end()) return std::nullopt;
    return found->second;
  }

 private:
  std::unordered_map<std::string, TokenId> ids_;
};

// The mask, else the end of a text, as PyLate takes them.
std::optional<TokenId> usual_expansion(const TokenIds& ids) {
  for (const char* token : {"[MASK]", "<mask>", "[SEP]", "</s>", "<|im_end|>"}) {
    if (const auto id = ids.find(token)) return id;
  }
  return std::nullopt;
}

JsonConfig read_json(const FileSet& files, const std::string& name) {
  const auto bytes = files.find(name);
  const std::string where = files.describe() + "/" + name;
  return JsonConfig::parse(bytes ? as_chars(*bytes) : std::string_view("{}"), where);
}

// Names of the settings in the two kinds of files, and a marker's default.
struct Keys {
  const char* file;
  const char* query_marker;
  const char* document_marker;
  const char* query_length;
  const char* document_length;
  const char* sees_expansion;
  const char* default_query_marker;
  const char* default_document_marker;
};
constexpr Keys kStanford{"artifact.metadata", "query_token_id", "doc_token_id",
                         "query_maxlen",      "doc_maxlen",     "attend_to_mask_tokens",
                         "[unused0]",         "[unused1]"};
constexpr Keys kPylate{"config_sentence_transformers.json",
                       "query_prefix",
                       "document_prefix",
                       "query_length",
                       "document_length",
                       "attend_to_expansion_tokens",
                       "[Q] ",
                       "[D] "};

class SettingsReader {
 public:
  SettingsReader(const FileSet& files, const Keys& keys, const Tokenizer& tokenizer)
      : keys_(keys), config_(read_json(files, keys.file)), ids_(tokenizer) {}

  ColbertSettings run() {
    out_.source = keys_.file;
    out_.query_marker = marker(keys_.query_marker, keys_.default_query_marker);
    out_.document_marker = marker(keys_.document_marker, keys_.default_document_marker);
    read_length(keys_.query_length, out_.query_length);
    read_length(keys_.document_length, out_.document_length);
    out_.expansion_length = SIZE_MAX;  // as long as queries may be
    out_.expands_queries = config_.boolean("do_query_expansion").value_or(true);
    out_.sees_expansion = config_.boolean(keys_.sees_expansion).value_or(false);
    read_expansion();
    read_skipped();
    return std::move(out_);
  }

 private:
  std::optional<TokenId> marker(const char* key, const char* fallback) const {
    const std::string token = config_.string(key).value_or(fallback);
    if (token.empty()) return std::nullopt;
    if (const auto id = ids_.find(token)) return id;
    throw Error(ExitCode::model, "{}: the marker '{}' ({}) is not a token of the tokenizer",
                config_.where(), token, key);
  }
  void read_length(const char* key, std::size_t& length) const {
    const auto value = config_.integer(key);
    if (!value) return;
    if (*value < 2 || *value > kMaxLength) {
      throw Error(ExitCode::model, "{}: '{}' should be a number of tokens", config_.where(), key);
    }
    length = static_cast<std::size_t>(*value);
  }
  void read_expansion() {
    if (const auto id = usual_expansion(ids_)) {
      out_.expansion = *id;
      return;
    }
    out_.expands_queries = false;
    out_.notes.emplace_back("queries are not padded: the tokenizer has no mask token");
  }
  // A word that is no token cannot be met in a text; sentence-transformers drops it too.
  void read_skipped() {
    std::vector<std::string> words;
    for (const char c : kPunctuation) words.emplace_back(1, c);
    for (const std::string& word : config_.strings("skiplist_words").value_or(words)) {
      if (const auto id = ids_.find(word)) out_.skipped.push_back(*id);
    }
  }

  const Keys& keys_;
  JsonConfig config_;
  TokenIds ids_;
  ColbertSettings out_;
};

class ColbertTokenizer : public Tokenizer {
 public:
  ColbertTokenizer(std::unique_ptr<Tokenizer> inner, std::optional<TokenId> marker,
                   std::optional<TokenId> expansion, std::size_t expansion_length)
      : inner_(std::move(inner)),
        marker_(marker),
        expansion_(expansion),
        expansion_length_(expansion_length) {}

  std::unique_ptr<Scratch> make_scratch() const override { return inner_->make_scratch(); }

  TokenizeResult encode(std::string_view text, const TokenizeOptions& options, Scratch& scratch,
                        std::vector<TokenId>& out) const override {
    if (!options.add_special_tokens) return inner_->encode(text, options, scratch, out);
    const std::size_t begin = out.size();
    TokenizeOptions shorter = options;
    if (marker_ && shorter.max_tokens > 1) --shorter.max_tokens;
    TokenizeResult result = inner_->encode(text, shorter, scratch, out);
    if (marker_ && options.max_tokens != 1) {
      const std::size_t place = begin + std::min<std::size_t>(1, result.n_tokens);
      out.insert(out.begin() + static_cast<std::ptrdiff_t>(place), *marker_);
      ++result.n_tokens;
    }
    if (expansion_) {
      while (result.n_tokens < std::min(options.max_tokens, expansion_length_)) {
        out.push_back(*expansion_);
        ++result.n_tokens;
      }
    }
    return result;
  }

  std::size_t vocab_size() const override { return inner_->vocab_size(); }
  std::string token(TokenId id) const override { return inner_->token(id); }
  std::string_view kind() const override { return inner_->kind(); }

 private:
  std::unique_ptr<Tokenizer> inner_;
  std::optional<TokenId> marker_;
  std::optional<TokenId> expansion_;
  std::size_t expansion_length_;
};

// Reads what sentence-transformers 6 calls query_expansion, and the lengths.
class MultiVectorReader {
 public:
  MultiVectorReader(const JsonConfig& file, const Tokenizer& tokenizer)
      : file_(file), ids_(tokenizer) {}

  ColbertSettings run() {
    out_.source = "sentence_bert_config.json";
    out_.uses_prompts = true;
    out_.query_length = length("query_length", 0);
    out_.document_length = length("document_length", 0);
    out_.expands_queries = file_.has("query_expansion");
    if (out_.expands_queries) read_expansion();
    return std::move(out_);
  }

 private:
  std::size_t length(const char* key, std::int64_t usual) const {
    const auto value = file_.integer(key).value_or(usual);
    if (value < 0 || value > kMaxLength) {
      throw Error(ExitCode::model, "{}: '{}' should be a number of tokens", file_.where(), key);
    }
    return static_cast<std::size_t>(value);
  }
  void read_expansion() {
    out_.expansion_length = length("query_expansion.length", 0);
    const std::string strategy = file_.string("query_expansion.strategy").value_or("");
    if (out_.expansion_length == 0 || (strategy != "fixed" && strategy != "min")) {
      throw Error(ExitCode::model,
                  "{}: 'query_expansion' should have a length, and the strategy fixed or min",
                  file_.where());
    }
    if (strategy == "fixed") {
      out_.query_length = out_.expansion_length;
    } else if (out_.query_length > 0) {
      out_.query_length = std::max(out_.query_length, out_.expansion_length);
    }
    out_.sees_expansion = file_.boolean("query_expansion.attend").value_or(false);
    const auto token = file_.string("query_expansion.token");
    const auto id = token ? ids_.find(*token) : usual_expansion(ids_);
    if (!id) {
      throw Error(ExitCode::model, "{}: the expansion's token {} is not one of the tokenizer's",
                  file_.where(), token.value_or("[MASK]"));
    }
    out_.expansion = *id;
  }

  const JsonConfig& file_;
  TokenIds ids_;
  ColbertSettings out_;
};

// Which token vectors a MultiVectorMask module leaves out.
void read_mask(const JsonConfig& file, const Tokenizer& tokenizer, ColbertSettings& out,
               std::vector<std::string>& notes) {
  const AuditedConfig config(file);
  const TokenIds ids(tokenizer);
  for (const std::string& word :
       config.strings("skiplist_words").value_or(std::vector<std::string>())) {
    if (const auto id = ids.find(word)) out.skipped.push_back(*id);
  }
  const auto tasks =
      config.strings("skiplist_tasks").value_or(std::vector<std::string>{"document"});
  out.skips_in_documents = std::find(tasks.begin(), tasks.end(), "document") != tasks.end();
  out.skips_in_queries = std::find(tasks.begin(), tasks.end(), "query") != tasks.end();
  settle_keys(config, module_keys(), file.where(), notes);
}

}  // namespace

bool is_stanford_colbert(const JsonConfig& config) {
  const auto names = config.strings("architectures");
  return names && !names->empty() && names->front() == "HF_ColBERT";
}

ColbertSettings read_colbert(const FileSet& files, bool stanford, const Tokenizer& tokenizer) {
  return SettingsReader(files, stanford ? kStanford : kPylate, tokenizer).run();
}

ColbertSettings read_multi_vector(const FileSet& encoder_files, const FileSet& files,
                                  const std::string& mask_folder, const Tokenizer& tokenizer,
                                  std::vector<std::string>& notes) {
  const JsonConfig file = read_json(encoder_files, "sentence_bert_config.json");
  ColbertSettings out = MultiVectorReader(file, tokenizer).run();
  if (!mask_folder.empty()) {
    read_mask(read_json(files, mask_folder + "config.json"), tokenizer, out, notes);
  }
  return out;
}

std::unique_ptr<Tokenizer> make_colbert_tokenizer(std::unique_ptr<Tokenizer> inner,
                                                  const ColbertSettings& settings, bool query) {
  std::optional<TokenId> expansion;
  if (query && settings.expands_queries) expansion = settings.expansion;
  return std::make_unique<ColbertTokenizer>(
      std::move(inner), query ? settings.query_marker : settings.document_marker, expansion,
      settings.expansion_length);
}

}  // namespace embedtool
