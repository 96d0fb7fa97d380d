#include "formats/tokenizer/tokenizer_vocab.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/base/error.hpp"
#include "core/text/unicode/unicode.hpp"
#include "formats/io/line_ends.hpp"

namespace embedtool {
namespace {

Vocabulary read_lines(std::string_view text, const std::string& where) {
  Vocabulary vocabulary;
  const auto lines = static_cast<std::size_t>(count_line_ends(text)) + 1;
  if (lines > std::numeric_limits<std::int32_t>::max()) {
    throw Error(ExitCode::model, "{}: more lines than there are ids", where);
  }
  vocabulary.reserve(lines);
  for (TokenId id = 0; !text.empty(); ++id) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    vocabulary.add(line, id);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return vocabulary;
}

// Whether a tokenizer that lower-cases can have made the vocabulary, where nobody says. One with
// capitals (outside brackets, which hold names) was made by one that does not; and the vocabulary
// of the Chinese BERTs, mostly ideographs, is published with lower-casing off.
bool looks_lowercase(const Vocabulary& vocabulary) {
  std::size_t capitals = 0;
  std::size_t ideographs = 0;
  vocabulary.for_each([&](std::string_view token, TokenId) {
    const bool name = token.starts_with('[') || token.starts_with('<');
    const bool capital =
        std::any_of(token.begin(), token.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    capitals += capital && !name ? 1U : 0U;
    ideographs += !token.empty() && unicode::is_cjk_ideograph(unicode::decode(token, 0).code_point);
  });
  return capitals == 0 && ideographs * 4 < vocabulary.size();
}

/// A special token: the name that was given, or the one of two customs that is in use.
class SpecialName {
 public:
  SpecialName(const Vocabulary& vocabulary, const std::string& given, std::string_view bert,
              std::string_view roberta) {
    name_ = !given.empty() ? given : std::string(bert);
    if (given.empty() && vocabulary.find(bert) == Vocabulary::kAbsent &&
        vocabulary.find(roberta) != Vocabulary::kAbsent) {
      name_ = roberta;
    }
    id_ = vocabulary.find(name_);
  }

  const std::string& name() const { return name_; }
  bool exists() const { return id_ != Vocabulary::kAbsent; }

  TokenId required(const std::string& where) const {
    if (!exists()) {
      throw Error(ExitCode::model, "{}: the special token '{}' is not in the vocabulary", where,
                  name_);
    }
    return id_;
  }

  void add_to(std::vector<AddedToken>& tokens) const {
    if (!exists()) return;
    AddedToken token;
    token.content = name_;
    token.id = id_;
    tokens.push_back(std::move(token));
  }

 private:
  std::string name_;
  TokenId id_ = Vocabulary::kAbsent;
};

}  // namespace

TokenizerSpec vocab_txt_spec(std::string_view text, const std::string& where,
                             const VocabTxtOptions& options) {
  WordPieceSpec model;
  model.vocabulary = read_lines(text, where);
  const Vocabulary& vocabulary = model.vocabulary;
  const SpecialName cls(vocabulary, options.cls, "[CLS]", "<s>");
  const SpecialName sep(vocabulary, options.sep, "[SEP]", "</s>");
  const SpecialName unk(vocabulary, options.unk, "[UNK]", "<unk>");
  const SpecialName pad(vocabulary, options.pad, "[PAD]", "<pad>");
  const SpecialName mask(vocabulary, options.mask, "[MASK]", "<mask>");

  TokenizerSpec spec;
  for (const SpecialName* name : {&pad, &unk, &cls, &sep, &mask}) name->add_to(spec.added_tokens);
  spec.special = {{cls.required(where)}, {sep.required(where)}};
  BertNormalizerSpec normalizer;
  normalizer.lowercase = options.lowercase.value_or(looks_lowercase(vocabulary));
  normalizer.strip_accents = options.strip_accents;
  normalizer.handle_chinese_chars = options.handle_chinese_chars;
  spec.normalizer.emplace_back(normalizer);
  spec.pre_tokenizer.emplace_back(BertPreTokenizerSpec{});
  model.unk_token = unk.name();
  spec.model = std::move(model);
  return spec;
}

}  // namespace embedtool
