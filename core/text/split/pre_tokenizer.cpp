#include "core/text/split/pre_tokenizer.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "core/base/check.hpp"
#include "core/text/split/pre_tokenizer_parts.hpp"
#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

enum class Kind : std::uint8_t { word, space, punctuation };

Kind kind_of(char32_t c) {
  if (unicode::is_whitespace(c)) return Kind::space;
  return unicode::is_punctuation(c) ? Kind::punctuation : Kind::word;
}

class BertPreTokenizer : public PreTokenizerPart {
 public:
  BertPreTokenizer() {
    for (std::size_t i = 0; i < ascii_.size(); ++i) ascii_[i] = kind_of(static_cast<char32_t>(i));
  }

  void split(TextPart part, PreTokenizerScratch& scratch, std::string&) const override {
    const std::string_view text = part.text;
    std::size_t word = 0;  // where the word being read starts
    std::size_t at = 0;
    const auto emit = [&](std::size_t begin, std::size_t end) {
      if (end > begin) {
        scratch.next.push_back({text.substr(begin, end - begin), part.first && begin == 0});
      }
    };
    while (at < text.size()) {
      std::size_t length = 1;
      Kind kind;
      if (unicode::is_ascii(text[at])) {
        kind = ascii_[static_cast<unsigned char>(text[at])];
      } else {
        const unicode::Decoded decoded = unicode::decode(text, at);
        kind = kind_of(decoded.code_point);
        length = decoded.length;
      }
      if (kind != Kind::word) {
        emit(word, at);
        if (kind == Kind::punctuation) emit(at, at + length);
        word = at + length;
      }
      at += length;
    }
    emit(word, at);
  }

  CutRule cuts() const override { return CutRule::everywhere(); }
  bool ends_at_blanks() const override { return true; }

 private:
  std::array<Kind, 128> ascii_;
};

/// Blanks as a visible character, one of them before the text, and a word begins at each.
class Metaspace : public PreTokenizerPart {
 public:
  explicit Metaspace(MetaspaceSpec spec) : spec_(std::move(spec)) {}

  void split(TextPart part, PreTokenizerScratch& scratch, std::string& rewritten) const override {
    const std::string& mark = spec_.replacement;
    const std::size_t begin = rewritten.size();
    const bool has_mark = part.text.starts_with(' ') || part.text.starts_with(mark);
    if (!has_mark && prepends(part)) rewritten.append(mark);
    for (std::size_t at = 0; at < part.text.size();) {
      const std::size_t blank = std::min(part.text.find(' ', at), part.text.size());
      rewritten.append(part.text.substr(at, blank - at));
      if (blank < part.text.size()) rewritten.append(mark);
      at = blank + 1;
    }
    const std::string_view text = std::string_view(rewritten).substr(begin);
    if (!spec_.split) {
      scratch.next.push_back({text, part.first});
      return;
    }
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find(mark, at + 1), text.size());
      scratch.next.push_back({text.substr(at, end - at), part.first && at == 0});
      at = end;
    }
  }
  std::size_t rewritten_bytes(TextPart part) const override {
    const auto blanks =
        static_cast<std::size_t>(std::count(part.text.begin(), part.text.end(), ' '));
    return part.text.size() + (blanks + 1) * spec_.replacement.size();
  }

  // A half that begins with a blank gets no other one before it.
  CutRule cuts() const override { return CutRule::at_blanks(); }
  bool ends_at_blanks() const override { return spec_.split; }

 private:
  bool prepends(TextPart part) const {
    return spec_.prepend == MetaspaceSpec::Prepend::always ||
           (spec_.prepend == MetaspaceSpec::Prepend::first && part.first);
  }

  MetaspaceSpec spec_;
};

struct Make {
  const std::string& where;

  using Part = std::unique_ptr<PreTokenizerPart>;
  Part operator()(const BertPreTokenizerSpec&) const {
    return std::make_unique<BertPreTokenizer>();
  }
  Part operator()(const MetaspaceSpec& spec) const { return std::make_unique<Metaspace>(spec); }
  Part operator()(const ByteLevelSpec& spec) const { return make_byte_level(spec); }
  Part operator()(const SplitSpec& spec) const { return make_pattern_split(spec, where); }
  template <typename Characters>
  Part operator()(const Characters& spec) const {
    return make_character_split(spec);
  }
};

}  // namespace

PreTokenizer::PreTokenizer(const PreTokenizerSpec& spec, const std::string& where) {
  for (const PreTokenizerStep& step : spec) parts_.push_back(std::visit(Make{where}, step));
}

std::span<const TextPart> PreTokenizer::split(TextPart text, PreTokenizerScratch& scratch) const {
  scratch.rewritten.resize(parts_.size());
  scratch.parts.clear();
  if (!text.text.empty()) scratch.parts.push_back(text);
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    // Room for all of it before the first is written: parts view this string.
    std::size_t bytes = 0;
    for (const TextPart part : scratch.parts) bytes += parts_[i]->rewritten_bytes(part);
    scratch.rewritten[i].clear();
    scratch.rewritten[i].reserve(bytes);
    scratch.next.clear();
    for (const TextPart part : scratch.parts) parts_[i]->split(part, scratch, scratch.rewritten[i]);
    EMBEDTOOL_CHECK(scratch.rewritten[i].size() <= bytes);
    EMBEDTOOL_CHECK(std::none_of(scratch.next.begin(), scratch.next.end(),
                                 [](const TextPart& part) { return part.text.empty(); }));
    std::swap(scratch.parts, scratch.next);
  }
  return scratch.parts;
}

CutRule PreTokenizer::cuts() const {
  CutRule rule = CutRule::everywhere();
  for (const auto& part : parts_) rule = rule & part->cuts();
  return rule;
}

bool PreTokenizer::ends_at_blanks() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const auto& part) { return part->ends_at_blanks(); });
}

}  // namespace embedtool
