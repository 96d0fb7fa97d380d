#include "formats/tokenizer/gguf_tokenizer.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "formats/tokenizer/gguf_sentencepiece.hpp"
#include "formats/tokenizer/tokenizer_vocab.hpp"

namespace embedtool {
namespace {

constexpr std::string_view kBlank = "\xE2\x96\x81";  // U+2581, which stands for a blank
constexpr std::size_t kMaxTokens = std::size_t{1} << 24U;

/// tokenizer.ggml.token_type
enum TokenType : std::int64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4 };

constexpr std::string_view kQwen2Words =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// How a `tokenizer.ggml.pre` cuts words.
struct Cutting {
  std::string_view pre;
  std::string_view words;      // "" = GPT-2's
  bool compose = false;        // NFC first
  bool begin_and_end = false;  // special tokens around a text where the file does not say
};
constexpr std::array<Cutting, 7> kCuttings{{{"gpt-2", "", false, false},
                                            {"roberta-bpe", "", false, true},
                                            {"jina-v2-en", "", false, true},
                                            {"jina-v2-code", "", false, true},
                                            {"jina-v2-de", "", false, true},
                                            {"modern-bert", "", true, true},
                                            {"qwen2", kQwen2Words, true, false}}};

class TokenizerReader {
 public:
  TokenizerReader(const GgufFile& file, const std::string& where)
      : file_(file),
        where_(where),
        tokens_(file.texts("tokenizer.ggml.tokens")),
        types_(file.integers("tokenizer.ggml.token_type")) {
    if (tokens_.empty() || tokens_.size() > kMaxTokens) {
      throw Error(ExitCode::model, "{}: tokenizer.ggml.tokens has {} entries", where_,
                  tokens_.size());
    }
    if (!types_.empty()) check_length("token_type", types_.size());
  }

  TokenizerSpec run() {
    const std::string_view model = file_.text("tokenizer.ggml.model").value_or("");
    if (model == "bert") return wordpiece();
    if (model == "t5") return unigram();
    if (model == "gpt2") return byte_pairs();
    if (model == "llama") return scored_pairs();
    throw Error(ExitCode::model,
                "{}: a tokenizer of kind '{}' is not supported in GGUF files (bert, t5, gpt2 and "
                "llama are); use records with input_ids, or the model's original folder",
                where_, model);
  }

 private:
  void check_length(const char* key, std::size_t size) const {
    if (size == tokens_.size()) return;
    throw Error(ExitCode::model, "{}: tokenizer.ggml.{} has {} entries for {} tokens", where_, key,
                size, tokens_.size());
  }
  std::int64_t type_of(std::size_t id) const { return types_.empty() ? kNormal : types_[id]; }

  std::optional<TokenId> special(const char* key) const {
    const auto id = file_.integer(fmt::format("tokenizer.ggml.{}_token_id", key));
    if (!id) return std::nullopt;
    if (*id < 0 || static_cast<std::size_t>(*id) >= tokens_.size()) {
      throw Error(ExitCode::model, "{}: tokenizer.ggml.{}_token_id {} is not among {} tokens",
                  where_, key, *id, tokens_.size());
    }
    return static_cast<TokenId>(*id);
  }
  std::string name_of(std::optional<TokenId> id) const {
    return id ? std::string(tokens_[static_cast<std::size_t>(*id)]) : std::string();
  }
  bool flag(const char* key, bool fallback) const {
    return file_.boolean(fmt::format("tokenizer.ggml.{}", key)).value_or(fallback);
  }

  // The conversion writes words with U+2581 before them and continuations bare; a name in brackets
  // stays as it is.
  TokenizerSpec wordpiece() const {
    std::string lines;
    for (const std::string_view token : tokens_) {
      if (token.find_first_of("\r\n") != std::string_view::npos) {
        throw Error(ExitCode::model, "{}: a token of the vocabulary contains a line break", where_);
      }
      const bool name = token.starts_with('[') && token.ends_with(']');
      if (token.starts_with(kBlank)) {
        lines += token.substr(kBlank.size());
      } else {
        lines += name ? "" : "##";
        lines += token;
      }
      lines += '\n';
    }
    lines.pop_back();
    VocabTxtOptions options;
    options.lowercase = file_.boolean("tokenizer.ggml.normalizer.lowercase");
    options.strip_accents = file_.boolean("tokenizer.ggml.normalizer.strip_accents");
    options.cls = name_of(special("cls"));
    options.sep = name_of(special("seperator"));  // the key's spelling
    options.unk = name_of(special("unknown"));
    options.pad = name_of(special("padding"));
    options.mask = name_of(special("mask"));
    if (options.cls.empty()) options.cls = name_of(special("bos"));
    if (options.sep.empty()) options.sep = name_of(special("eos"));
    return vocab_txt_spec(lines, where_, options);
  }

  // What sentencepiece does before it cuts: its charsmap, blanks made visible and single.
  TokenizerSpec unigram() const {
    const auto scores = file_.numbers("tokenizer.ggml.scores");
    check_length("scores", scores.size());
    UnigramSpec model;
    model.pieces.reserve(tokens_.size());
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      model.pieces.push_back({std::string(tokens_[i]), scores[i]});
    }
    if (const auto unknown = special("unknown")) model.unk_id = static_cast<std::size_t>(*unknown);
    TokenizerSpec spec;
    const std::string_view charsmap = file_.blob("tokenizer.ggml.precompiled_charsmap");
    if (!charsmap.empty()) spec.normalizer.emplace_back(PrecompiledSpec{std::string(charsmap)});
    if (flag("remove_extra_whitespaces", false)) {
      spec.normalizer.emplace_back(StripSpec{});
      spec.normalizer.emplace_back(ReplaceSpec{{" {2,}", true}, " "});
    }
    MetaspaceSpec blanks;
    if (!flag("add_space_prefix", true)) blanks.prepend = MetaspaceSpec::Prepend::never;
    spec.pre_tokenizer.emplace_back(blanks);
    spec.model = std::move(model);
    add_specials(spec, flag("add_bos_token", false), flag("add_eos_token", true));
    return spec;
  }

  // Sentencepiece's pairs, joined in the order of their scores: given back to its own library.
  TokenizerSpec scored_pairs() const {
    GgufPieces pieces;
    pieces.texts = tokens_;
    pieces.scores = file_.numbers("tokenizer.ggml.scores");
    check_length("scores", pieces.scores.size());
    pieces.types = types_;
    pieces.adds_blank = flag("add_space_prefix", true);
    pieces.charsmap = file_.blob("tokenizer.ggml.precompiled_charsmap");
    SentencePieceSpec model;
    model.made = std::make_shared<const std::string>(sentencepiece_model_of(pieces));
    model.model = std::as_bytes(std::span(*model.made));
    TokenizerSpec spec;
    spec.model = std::move(model);
    add_specials(spec, flag("add_bos_token", true), flag("add_eos_token", false));
    return spec;
  }

  TokenizerSpec byte_pairs() const {
    const std::string_view pre = file_.text("tokenizer.ggml.pre").value_or("gpt-2");
    const auto* const cutting = std::find_if(kCuttings.begin(), kCuttings.end(),
                                             [=](const Cutting& c) { return c.pre == pre; });
    if (cutting == kCuttings.end()) {
      throw Error(ExitCode::model,
                  "{}: tokenizer.ggml.pre '{}' is not supported; use records with input_ids, or "
                  "the model's original folder",
                  where_, pre);
    }
    BpeSpec model;
    model.byte_level = true;
    model.vocabulary.reserve(tokens_.size());
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      model.vocabulary.add(tokens_[i], static_cast<TokenId>(i));
    }
    for (const std::string_view merge : file_.texts("tokenizer.ggml.merges")) {
      const std::size_t blank = merge.find(' ', 1);
      if (blank == std::string_view::npos) {
        throw Error(ExitCode::model, "{}: tokenizer.ggml.merges: '{}' is not a pair", where_,
                    merge);
      }
      model.merges.push_back(
          {std::string(merge.substr(0, blank)), std::string(merge.substr(blank + 1))});
    }
    TokenizerSpec spec;
    if (cutting->compose) spec.normalizer.emplace_back(UnicodeFormSpec{false, true});
    if (!cutting->words.empty()) {
      spec.pre_tokenizer.emplace_back(SplitSpec{{std::string(cutting->words), true}});
    }
    spec.pre_tokenizer.emplace_back(
        ByteLevelSpec{flag("add_space_prefix", false), cutting->words.empty()});
    spec.model = std::move(model);
    const bool around = cutting->begin_and_end;
    add_specials(spec, flag("add_bos_token", around), flag("add_eos_token", around));
    return spec;
  }

  // Tokens that are looked for in the text, and those around it.
  void add_specials(TokenizerSpec& spec, bool begin, bool end) const {
    const auto mask = special("mask");
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const std::int64_t type = type_of(i);
      if (type != kControl && type != kUserDefined && type != kUnknown) continue;
      if (tokens_[i].empty()) continue;
      AddedToken token;
      token.content = tokens_[i];
      token.id = static_cast<TokenId>(i);
      token.lstrip = mask && *mask == token.id;  // as RoBERTa's and XLM-R's tokenizers do
      spec.added_tokens.push_back(std::move(token));
    }
    const auto first = special("cls") ? special("cls") : special("bos");
    const auto last = special("seperator") ? special("seperator") : special("eos");
    if (begin && first) spec.special.prefix = {*first};
    if (end && last) spec.special.suffix = {*last};
  }

  const GgufFile& file_;
  const std::string& where_;
  std::vector<std::string_view> tokens_;
  std::vector<std::int64_t> types_;
};

}  // namespace

TokenizerSpec read_gguf_tokenizer(const GgufFile& file, const std::string& where) {
  return TokenizerReader(file, where).run();
}

}  // namespace embedtool
