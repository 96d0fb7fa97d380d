// Scanners for the regular expressions of published models. Each does what its expression says,
// alternative by alternative; tests/property/pattern_test.cpp holds them against the expression.
#include <array>
#include <string_view>

#include "core/text/split/pattern.hpp"
#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt2Factored =
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

enum class Kind : std::uint8_t { letter, number, space, other };

Kind kind_of(char32_t c) {
  if (unicode::is_whitespace(c)) return Kind::space;
  if (unicode::is_letter(c)) return Kind::letter;
  return unicode::is_number(c) ? Kind::number : Kind::other;
}

constexpr std::array<Kind, 128> ascii_kinds() {
  std::array<Kind, 128> kinds{};
  for (std::size_t c = 0; c < kinds.size(); ++c) {
    const std::size_t lower = c | 0x20U;
    kinds[c] = lower >= 'a' && lower <= 'z'      ? Kind::letter
               : c >= '0' && c <= '9'            ? Kind::number
               : c == ' ' || (c >= 9 && c <= 13) ? Kind::space
                                                 : Kind::other;
  }
  return kinds;
}
constexpr std::array<Kind, 128> kAscii = ascii_kinds();

/// A place in a text, and what stands there.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool done(std::size_t at) const { return at >= text_.size(); }
  char byte(std::size_t at) const { return at < text_.size() ? text_[at] : '\0'; }

  Kind kind(std::size_t at, std::size_t& length) const {
    const char c = text_[at];
    if (unicode::is_ascii(c)) {
      length = 1;
      return kAscii[static_cast<unsigned char>(c)];
    }
    const unicode::Decoded decoded = unicode::decode(text_, at);
    length = decoded.length;
    return kind_of(decoded.code_point);
  }
  bool is(std::size_t at, Kind kind_wanted) const {
    std::size_t length = 0;
    return !done(at) && kind(at, length) == kind_wanted;
  }
  /// The end of the run of one kind that starts at `at`, of at most `most` characters.
  std::size_t run(std::size_t at, Kind wanted, std::size_t most = SIZE_MAX) const {
    std::size_t length = 0;
    for (; most > 0 && !done(at) && kind(at, length) == wanted; --most) at += length;
    return at;
  }
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

bool is_break(char c) {
  return c == '\r' || c == '\n';
}

/// `\s+(?!\S)|\s+` at white space that ends at `end`: all but the last character where something
/// follows and there is more than one.
std::size_t space_end(const Cursor& cursor, std::size_t at, std::size_t end) {
  if (cursor.done(end)) return end;
  const std::size_t last = end - unicode::decode_before(cursor.text(), end).length;
  return last > at ? last : end;
}

class Gpt2Pattern : public Pattern {
 public:
  void find_all(std::string_view text, std::vector<TextSpan>& matches) const override {
    const Cursor cursor(text);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = match_end(cursor, at);
      matches.push_back({at, end});
      at = end;
    }
  }
  CutRule cuts() const override { return {true, true, false, false}; }
  bool only_space() const override { return false; }
  bool ends_at_blanks() const override { return true; }

 private:
  static std::size_t contraction(const Cursor& cursor, std::size_t at) {
    const char a = cursor.byte(at + 1);
    const char b = cursor.byte(at + 2);
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return at + 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return at + 3;
    return at;
  }

  static std::size_t match_end(const Cursor& cursor, std::size_t at) {
    if (cursor.byte(at) == '\'') {
      const std::size_t end = contraction(cursor, at);
      if (end > at) return end;
    }
    std::size_t word = cursor.byte(at) == ' ' ? at + 1 : at;
    std::size_t length = 0;
    if (cursor.done(word)) return word;  // a blank at the end
    Kind kind = cursor.kind(word, length);
    if (kind != Kind::space) return cursor.run(word + length, kind);
    return space_end(cursor, at, cursor.run(at, Kind::space));
  }
};

/// Of the models after GPT-4's tokenizer: numbers in groups of at most `digits`.
class Cl100kPattern : public Pattern {
 public:
  explicit Cl100kPattern(std::size_t digits) : digits_(digits) {}

  void find_all(std::string_view text, std::vector<TextSpan>& matches) const override {
    const Cursor cursor(text);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = match_end(cursor, at);
      matches.push_back({at, end});
      at = end;
    }
  }
  CutRule cuts() const override { return CutRule::at_blanks(); }
  bool only_space() const override { return false; }
  bool ends_at_blanks() const override { return true; }

 private:
  static char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

  static std::size_t contraction(const Cursor& cursor, std::size_t at) {
    const char a = lower(cursor.byte(at + 1));
    const char b = lower(cursor.byte(at + 2));
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return at + 2;
    // The long s is an s when case does not count.
    if (a == '\xC5' && cursor.byte(at + 2) == '\xBF') return at + 3;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return at + 3;
    return at;
  }

  std::size_t match_end(const Cursor& cursor, std::size_t at) const {
    const char first = cursor.byte(at);
    if (first == '\'') {
      const std::size_t end = contraction(cursor, at);
      if (end > at) return end;
    }
    std::size_t length = 0;
    const Kind kind = cursor.kind(at, length);
    if (kind == Kind::letter) return cursor.run(at + length, Kind::letter);
    if (kind == Kind::number) return cursor.run(at, Kind::number, digits_);
    if (!is_break(first) && cursor.is(at + length, Kind::letter)) {
      return cursor.run(at + length, Kind::letter);
    }
    const std::size_t word = first == ' ' ? at + 1 : at;
    if (cursor.is(word, Kind::other)) {
      std::size_t end = cursor.run(word, Kind::other);
      while (is_break(cursor.byte(end))) ++end;
      return end;
    }
    const std::size_t end = cursor.run(at, Kind::space);
    for (std::size_t last = end; last > at; --last) {
      if (is_break(cursor.byte(last - 1))) return last;
    }
    return space_end(cursor, at, end);
  }

  std::size_t digits_;
};

/// Runs of at least `least` characters of white space, or of blanks alone.
class SpaceRunPattern : public Pattern {
 public:
  SpaceRunPattern(std::size_t least, bool blanks_only) : least_(least), blanks_only_(blanks_only) {
    for (std::size_t byte = 0; byte < begins_.size(); ++byte) {
      begins_[byte] =
          byte == ' ' || (!blanks_only && begins_space(static_cast<unsigned char>(byte)));
    }
  }

  void find_all(std::string_view text, std::vector<TextSpan>& matches) const override {
    const auto begins = [&](char c) { return begins_[static_cast<unsigned char>(c)]; };
    if (least_ == 2 && blanks_only_ && !has_two_blanks(text)) return;
    for (std::size_t at = 0; at < text.size();) {
      if (!begins(text[at])) {
        ++at;
        continue;
      }
      std::size_t end = at;
      std::size_t count = 0;
      std::size_t length = 1;
      while (end < text.size() && is_space(text, end, length)) {
        end += length;
        ++count;
      }
      if (count >= least_) matches.push_back({at, end});
      at = end + length;  // past what ended the run
    }
  }
  CutRule cuts() const override { return CutRule::everywhere(); }
  bool only_space() const override { return true; }

 private:
  /// Without a branch, so that the compiler makes vectors of it.
  static bool has_two_blanks(std::string_view text) {
    unsigned found = 0;
    for (std::size_t i = 1; i < text.size(); ++i) {
      found |= static_cast<unsigned>(text[i - 1] == ' ') & static_cast<unsigned>(text[i] == ' ');
    }
    return found != 0;
  }

  // White space beyond ASCII: U+0085 and U+00A0, and U+1680, U+2000 … U+205F, U+3000.
  static bool begins_space(unsigned char byte) {
    return byte < kAscii.size() ? kAscii[byte] == Kind::space
                                : byte == 0xC2 || (byte >= 0xE1 && byte <= 0xE3);
  }

  bool is_space(std::string_view text, std::size_t at, std::size_t& length) const {
    length = 1;
    if (unicode::is_ascii(text[at]) || blanks_only_) {
      return text[at] == ' ' ||
             (!blanks_only_ && kAscii[static_cast<unsigned char>(text[at])] == Kind::space);
    }
    const unicode::Decoded decoded = unicode::decode(text, at);
    length = decoded.length;
    return unicode::is_whitespace(decoded.code_point);
  }

  std::size_t least_;
  bool blanks_only_;
  std::array<bool, 256> begins_;  ///< bytes that white space may begin with
};

}  // namespace

std::unique_ptr<Pattern> make_gpt2_pattern() {
  return std::make_unique<Gpt2Pattern>();
}

std::unique_ptr<Pattern> find_known_pattern(std::string_view regex) {
  if (regex == kGpt2 || regex == kGpt2Factored) return make_gpt2_pattern();
  if (regex == kQwen2) return std::make_unique<Cl100kPattern>(1);
  if (regex == kLlama3) return std::make_unique<Cl100kPattern>(3);
  if (regex == R"(\s+)") return std::make_unique<SpaceRunPattern>(1, false);
  if (regex == R"(\s{2,})") return std::make_unique<SpaceRunPattern>(2, false);
  if (regex == " +") return std::make_unique<SpaceRunPattern>(1, true);
  if (regex == " {2,}" || regex == "[ ]{2,}") return std::make_unique<SpaceRunPattern>(2, true);
  return nullptr;
}

}  // namespace embedtool
