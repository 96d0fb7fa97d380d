#include "formats/tokenizer/tokenizer_merges.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/base/error.hpp"
#include "formats/io/json_document.hpp"

namespace embedtool {
namespace {

constexpr std::string_view kFamilies[] = {"", "GPT2Tokenizer", "RobertaTokenizer", "gpt2",
                                          "roberta"};

Vocabulary read_vocabulary(std::string_view text, const std::string& where) {
  const auto json = parse_json(text, where);
  if (!json.is_object()) throw Error(ExitCode::model, "{}: not a JSON object", where);
  Vocabulary vocabulary;
  vocabulary.reserve(json.size());
  for (const auto& [token, id] : json.items()) {
    if (!id.is_number_unsigned() ||
        id.get<std::uint64_t>() >= std::numeric_limits<TokenId>::max()) {
      throw Error(ExitCode::model, "{}: the id of '{}' is not a number from 0 to 2147483646", where,
                  token);
    }
    vocabulary.add(token, id.get<TokenId>());
  }
  return vocabulary;
}

std::vector<BpeSpec::Merge> read_merges(std::string_view text, const std::string& where) {
  std::vector<BpeSpec::Merge> merges;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with("#version")) continue;
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos || line.find(' ', blank + 1) != std::string_view::npos) {
      throw Error(ExitCode::model, "{}:{}: not a merge: expected two tokens", where, number);
    }
    merges.push_back({std::string(line.substr(0, blank)), std::string(line.substr(blank + 1))});
  }
  return merges;
}

void add_special(const Vocabulary& vocabulary, std::string_view content, bool lstrip,
                 std::vector<AddedToken>& tokens) {
  const TokenId id = vocabulary.find(content);
  if (id == Vocabulary::kAbsent) return;
  AddedToken token;
  token.content = content;
  token.id = id;
  token.lstrip = lstrip;
  tokens.push_back(std::move(token));
}

}  // namespace

TokenizerSpec merges_spec(std::string_view vocab_json, std::string_view merges,
                          const std::string& where, const MergesOptions& options) {
  std::string_view family = options.family;
  if (family.ends_with("Fast")) family.remove_suffix(4);
  if (std::find(std::begin(kFamilies), std::end(kFamilies), family) == std::end(kFamilies)) {
    throw Error(ExitCode::model,
                "{}: vocab.json and merges.txt do not say how '{}' splits texts; add the model's "
                "tokenizer.json",
                where, family);
  }
  BpeSpec model;
  model.vocabulary = read_vocabulary(vocab_json, where + "/vocab.json");
  model.merges = read_merges(merges, where + "/merges.txt");
  model.byte_level = true;

  TokenizerSpec spec;
  const Vocabulary& vocabulary = model.vocabulary;
  for (const std::string_view content : {"<s>", "<pad>", "</s>", "<unk>", "<|endoftext|>"}) {
    add_special(vocabulary, content, false, spec.added_tokens);
  }
  add_special(vocabulary, "<mask>", true, spec.added_tokens);
  const TokenId begin = vocabulary.find("<s>");
  const TokenId end = vocabulary.find("</s>");
  if (begin != Vocabulary::kAbsent && end != Vocabulary::kAbsent) spec.special = {{begin}, {end}};
  spec.pre_tokenizer.emplace_back(ByteLevelSpec{options.add_prefix_space, true});
  spec.model = std::move(model);
  return spec;
}

}  // namespace embedtool
