#include "core/text/models/sentencepiece_tokenizer.hpp"
#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

void add(const SentencePieceRules& rules, char32_t c, std::string& out) {
  if (rules.lowercase) {
    unicode::append_lowercase(c, out);
  } else {
    unicode::append(c, out);
  }
}

}  // namespace

// The order of the reference: quotes, accents, case. The marks that accent stripping leaves need no
// canonical order here: the models' own normalization composes and orders again.
void apply_rules(const SentencePieceRules& rules, std::string_view text, std::string& out) {
  for (std::size_t at = 0; at < text.size();) {
    const unicode::Decoded decoded = unicode::decode(text, at);
    char32_t c = decoded.code_point;
    const bool doubled = at + 1 < text.size() && text[at] == text[at + 1];
    if (rules.ascii_quotes && doubled && (c == '`' || c == '\'')) {
      c = '"';
      ++at;
    }
    at += decoded.length;
    if (!rules.strip_accents) {
      add(rules, c, out);
      continue;
    }
    const unicode::Decomposition parts =
        unicode::decompose(c, unicode::DecompositionKind::compatibility);
    for (std::size_t i = 0; i < parts.size; ++i) {
      const char32_t part = parts.code_points[i];
      if (!unicode::is_nonspacing_mark(part)) add(rules, part, out);
    }
  }
}

}  // namespace embedtool
