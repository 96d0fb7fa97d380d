#include "core/text/normalize/normalizer.hpp"
#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

/// Characters that no normal form ties to what stands before them, and that NFC leaves alone.
bool stands_alone(char32_t c) {
  return c < 0x300 || (c >= 0x3041 && c <= 0x3096) || (c >= 0x4E00 && c <= 0x9FFF) ||
         (c >= 0xAC00 && c <= 0xD7A3);
}

/// NFC, NFD, NFKC, NFKD. All of ASCII is its own normal form, and composes with nothing before it,
/// so that a text may be cut before any ASCII character.
class UnicodeForm : public NormalizerPart {
 public:
  explicit UnicodeForm(const UnicodeFormSpec& spec)
      : compose_(spec.compose),
        kind_(spec.compatibility ? unicode::DecompositionKind::compatibility
                                 : unicode::DecompositionKind::canonical) {}

  void normalize(std::string_view text, TextEdges, NormalizerScratch& scratch,
                 std::string& out) const override {
    std::size_t pending = 0;  // where the stretch begins that is not written yet
    for (std::size_t at = 0; at < text.size();) {
      if (const std::size_t plain = ascii_end(text, at); plain > at + 1) {
        // All but the last, which may compose with what follows.
        flush(text.substr(pending, at - pending), scratch.code_points, out);
        out.append(text.substr(at, plain - 1 - at));
        pending = plain - 1;
        at = plain;
        continue;
      }
      const unicode::Decoded decoded = unicode::decode(text, at);
      const bool unknown = unicode::unknown_to_normal_forms(decoded.code_point);
      if (unknown || stands_alone(decoded.code_point)) {
        flush(text.substr(pending, at - pending), scratch.code_points, out);
        pending = at;
      }
      at += decoded.length;
      if (unknown) {
        unicode::append(decoded.code_point, out);
        pending = at;
      }
    }
    flush(text.substr(pending), scratch.code_points, out);
  }
  CutRule cuts() const override { return {true, true, true, false}; }

 private:
  static std::size_t ascii_end(std::string_view text, std::size_t at) {
    while (at < text.size() && unicode::is_ascii(text[at])) ++at;
    return at;
  }

  // `text` begins with a character that stands alone, or is the text's beginning.
  void flush(std::string_view text, std::vector<char32_t>& code_points, std::string& out) const {
    if (text.empty()) return;
    const unicode::Decoded first = unicode::decode(text, 0);
    const bool own_form = first.code_point < 0x80 || (compose_ && !compatibility());
    if (first.length == text.size() && own_form && stands_alone(first.code_point)) {
      unicode::append(first.code_point, out);
      return;
    }
    code_points.clear();
    for (std::size_t at = 0; at < text.size();) {
      const unicode::Decoded decoded = unicode::decode(text, at);
      const unicode::Decomposition parts = unicode::decompose(decoded.code_point, kind_);
      code_points.insert(code_points.end(), parts.code_points, parts.code_points + parts.size);
      at += decoded.length;
    }
    unicode::order_marks(code_points.data(), code_points.size());
    if (compose_) code_points.resize(unicode::compose(code_points.data(), code_points.size()));
    for (const char32_t c : code_points) unicode::append(c, out);
  }
  bool compatibility() const { return kind_ == unicode::DecompositionKind::compatibility; }

  bool compose_;
  unicode::DecompositionKind kind_;
};

/// A rule for one character at a time: `Rule::add(c, out)`.
template <typename Rule>
class CharacterRule : public NormalizerPart {
 public:
  void normalize(std::string_view text, TextEdges, NormalizerScratch&,
                 std::string& out) const override {
    for (std::size_t at = 0; at < text.size();) {
      const unicode::Decoded decoded = unicode::decode(text, at);
      Rule::add(decoded.code_point, out);
      at += decoded.length;
    }
  }
  CutRule cuts() const override { return {true, true, true, false}; }
};

struct Lowercase {
  static void add(char32_t c, std::string& out) {
    if (c < 0x80) {
      out.push_back(static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c));
    } else {
      unicode::append_lowercase(c, out);
    }
  }
};

struct StripAccents {
  static void add(char32_t c, std::string& out) {
    if (!unicode::is_accent(c)) unicode::append(c, out);
  }
};

struct Nmt {
  static void add(char32_t c, std::string& out) {
    const bool dropped = (c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F ||
                         c == 0x8F || c == 0x9F;
    if (dropped) return;
    const bool space = c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
                       (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                       c == 0xFEFF || c == 0xFFFD;
    unicode::append(space ? U' ' : c, out);
  }
};

}  // namespace

std::unique_ptr<NormalizerPart> make_unicode_form(const UnicodeFormSpec& spec) {
  return std::make_unique<UnicodeForm>(spec);
}
std::unique_ptr<NormalizerPart> make_character_rule(const LowercaseSpec&) {
  return std::make_unique<CharacterRule<Lowercase>>();
}
std::unique_ptr<NormalizerPart> make_character_rule(const StripAccentsSpec&) {
  return std::make_unique<CharacterRule<StripAccents>>();
}
std::unique_ptr<NormalizerPart> make_character_rule(const NmtSpec&) {
  return std::make_unique<CharacterRule<Nmt>>();
}

}  // namespace embedtool
