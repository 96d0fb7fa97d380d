#include <optional>

#include "core/text/unicode/unicode.hpp"
#include "formats/tokenizer/tokenizer_json_members.hpp"

namespace embedtool::tokenizer_json {
namespace {

std::optional<unsigned> base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a' + 26);
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0' + 52);
  if (c == '+') return 62U;
  if (c == '/') return 63U;
  return std::nullopt;
}

std::string decode_base64(const Members& json, std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3);
  while (text.ends_with('=')) text.remove_suffix(1);
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    const auto value = base64_value(c);
    if (!value) json.fail("precompiled_charsmap is not base64");
    bits = (bits << 6 | *value) & 0xFFFFU;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out.push_back(static_cast<char>(bits >> held & 0xFFU));
  }
  return out;
}

PatternSpec read_pattern(const Members& json) {
  const auto pattern = json.inner("pattern");
  if (pattern && pattern->find("String")) return {pattern->text("String", ""), false};
  if (pattern && pattern->find("Regex")) return {pattern->text("Regex", ""), true};
  json.fail("'pattern' is neither String nor Regex");
}

SplitBehavior read_behavior(const Members& json, std::string_view fallback) {
  const std::string name = json.text("behavior", fallback);
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  json.fail("behavior '{}' is not supported", name);
}

BertNormalizerSpec read_bert_normalizer(const Members& json) {
  BertNormalizerSpec spec;
  spec.clean_text = json.get_or("clean_text", spec.clean_text);
  spec.handle_chinese_chars = json.get_or("handle_chinese_chars", spec.handle_chinese_chars);
  if (json.find("strip_accents")) spec.strip_accents = json.get<bool>("strip_accents");
  spec.lowercase = json.get_or("lowercase", spec.lowercase);
  return spec;
}

NormalizerStep read_normalizer_step(const Members& json, std::string_view type) {
  if (type == "BertNormalizer") return read_bert_normalizer(json);
  if (type == "NFC") return UnicodeFormSpec{false, true};
  if (type == "NFD") return UnicodeFormSpec{false, false};
  if (type == "NFKC") return UnicodeFormSpec{true, true};
  if (type == "NFKD") return UnicodeFormSpec{true, false};
  if (type == "Lowercase") return LowercaseSpec{};
  if (type == "StripAccents") return StripAccentsSpec{};
  if (type == "Nmt") return NmtSpec{};
  if (type == "Strip") {
    return StripSpec{json.get_or("strip_left", true), json.get_or("strip_right", true)};
  }
  if (type == "Replace") return ReplaceSpec{read_pattern(json), json.text("content", "")};
  if (type == "Prepend") return PrependSpec{json.text("prepend", "")};
  if (type == "Precompiled") {
    const auto charsmap = json.get_or<std::string_view>("precompiled_charsmap", "");
    return PrecompiledSpec{decode_base64(json, charsmap)};
  }
  json.fail_unknown(type);
}

void add_normalizers(const Members& json, int depth, NormalizerSpec& spec) {
  if (depth > kMaxNesting) json.fail("Sequences nest too deeply");
  const auto type = json.get<std::string_view>("type");
  if (type != "Sequence") {
    spec.push_back(read_normalizer_step(json, type));
    return;
  }
  for (const dom::element element : json.get<dom::array>("normalizers")) {
    add_normalizers(json.of(element, "a normalizer"), depth + 1, spec);
  }
}

MetaspaceSpec read_metaspace(const Members& json) {
  MetaspaceSpec spec;
  spec.replacement = json.text("replacement", spec.replacement);
  if (unicode::count(spec.replacement) != 1) json.fail("'replacement' is not one character");
  const std::string scheme = json.text("prepend_scheme", "always");
  if (scheme == "first") {
    spec.prepend = MetaspaceSpec::Prepend::first;
  } else if (scheme == "never") {
    spec.prepend = MetaspaceSpec::Prepend::never;
  } else if (scheme != "always") {
    json.fail("prepend_scheme '{}' is not supported", scheme);
  }
  if (!json.get_or("add_prefix_space", true)) spec.prepend = MetaspaceSpec::Prepend::never;
  spec.split = json.get_or("split", true);
  return spec;
}

DelimiterSpec read_delimiter(const Members& json) {
  const std::string text = json.text("delimiter", "");
  if (unicode::count(text) != 1) json.fail("'delimiter' is not one character");
  return {unicode::decode(text, 0).code_point};
}

PreTokenizerStep read_pre_tokenizer_step(const Members& json, std::string_view type) {
  if (type == "BertPreTokenizer") return BertPreTokenizerSpec{};
  if (type == "ByteLevel") {
    return ByteLevelSpec{json.get_or("add_prefix_space", true), json.get_or("use_regex", true)};
  }
  if (type == "Split") {
    return SplitSpec{read_pattern(json), read_behavior(json, ""), json.get_or("invert", false)};
  }
  if (type == "WhitespaceSplit") return WhitespaceSplitSpec{};
  if (type == "Whitespace") return WhitespaceSpec{};
  if (type == "Punctuation") return PunctuationSpec{read_behavior(json, "Isolated")};
  if (type == "Digits") return DigitsSpec{json.get_or("individual_digits", false)};
  if (type == "CharDelimiterSplit") return read_delimiter(json);
  if (type == "Metaspace") return read_metaspace(json);
  json.fail_unknown(type);
}

void add_pre_tokenizers(const Members& json, int depth, PreTokenizerSpec& spec) {
  if (depth > kMaxNesting) json.fail("Sequences nest too deeply");
  const auto type = json.get<std::string_view>("type");
  if (type != "Sequence") {
    spec.push_back(read_pre_tokenizer_step(json, type));
    return;
  }
  for (const dom::element element : json.get<dom::array>("pretokenizers")) {
    add_pre_tokenizers(json.of(element, "a pre-tokenizer"), depth + 1, spec);
  }
}

}  // namespace

NormalizerSpec read_normalizer(const Members& root) {
  NormalizerSpec spec;
  if (const auto json = root.inner("normalizer")) add_normalizers(*json, 0, spec);
  return spec;
}

PreTokenizerSpec read_pre_tokenizer(const Members& root) {
  PreTokenizerSpec spec;
  if (const auto json = root.inner("pre_tokenizer")) add_pre_tokenizers(*json, 0, spec);
  return spec;
}

}  // namespace embedtool::tokenizer_json
