#include "formats/model/model_colbert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/base/error.hpp"

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

JsonConfig read_json(const FileSet& files, const char* name) {
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
  // The mask, else the end of a text, as PyLate takes them.
  void read_expansion() {
    for (const char* token : {"[MASK]", "<mask>", "[SEP]", "</s>", "<|im_end|>"}) {
      if (const auto id = ids_.find(token)) {
        out_.expansion = *id;
        return;
      }
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
                   std::optional<TokenId> expansion)
      : inner_(std::move(inner)), marker_(marker), expansion_(expansion) {}

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
      while (result.n_tokens < options.max_tokens) {
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
};

}  // namespace

bool is_stanford_colbert(const JsonConfig& config) {
  const auto names = config.strings("architectures");
  return names && !names->empty() && names->front() == "HF_ColBERT";
}

ColbertSettings read_colbert(const FileSet& files, bool stanford, const Tokenizer& tokenizer) {
  return SettingsReader(files, stanford ? kStanford : kPylate, tokenizer).run();
}

std::unique_ptr<Tokenizer> make_colbert_tokenizer(std::unique_ptr<Tokenizer> inner,
                                                  const ColbertSettings& settings, bool query) {
  std::optional<TokenId> expansion;
  if (query && settings.expands_queries) expansion = settings.expansion;
  return std::make_unique<ColbertTokenizer>(
      std::move(inner), query ? settings.query_marker : settings.document_marker, expansion);
}

}  // namespace embedtool
