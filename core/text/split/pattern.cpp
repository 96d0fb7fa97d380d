#include "core/text/split/pattern.hpp"

#include <utility>

#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

class LiteralPattern : public Pattern {
 public:
  explicit LiteralPattern(std::string text) : text_(std::move(text)) {}

  void find_all(std::string_view text, std::vector<TextSpan>& matches) const override {
    if (text_.empty()) return;
    for (std::size_t at = text.find(text_); at != std::string_view::npos;) {
      matches.push_back({at, at + text_.size()});
      at = text.find(text_, at + text_.size());
    }
  }

  // A cut lies after a letter or a number: a string without either reaches across none.
  CutRule cuts() const override {
    for (std::size_t at = 0; at < text_.size();) {
      const unicode::Decoded decoded = unicode::decode(text_, at);
      if (unicode::is_letter(decoded.code_point) || unicode::is_number(decoded.code_point)) {
        return {};
      }
      at += decoded.length;
    }
    return CutRule::everywhere();
  }

  bool only_space() const override {
    for (std::size_t at = 0; at < text_.size();) {
      const unicode::Decoded decoded = unicode::decode(text_, at);
      if (!unicode::is_whitespace(decoded.code_point)) return false;
      at += decoded.length;
    }
    return true;
  }

 private:
  std::string text_;
};

}  // namespace

std::unique_ptr<Pattern> make_pattern(const PatternSpec& spec, const std::string& where) {
  if (!spec.regex) return std::make_unique<LiteralPattern>(spec.text);
  if (auto known = find_known_pattern(spec.text)) return known;
  return make_regex_pattern(spec.text, where);
}

}  // namespace embedtool
