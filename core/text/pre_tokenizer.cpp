#include "core/text/pre_tokenizer.hpp"

#include <array>
#include <cstdint>

#include "core/text/unicode.hpp"

namespace embedtool {
namespace {

enum class Kind : std::uint8_t { word, space, punctuation };

Kind kind_of(char32_t c) {
  if (unicode::is_whitespace(c)) return Kind::space;
  return unicode::is_punctuation(c) ? Kind::punctuation : Kind::word;
}

class BertPreTokenizer : public PreTokenizer {
 public:
  BertPreTokenizer() {
    for (std::size_t i = 0; i < ascii_.size(); ++i) ascii_[i] = kind_of(static_cast<char32_t>(i));
  }

  void split(std::string_view text, std::vector<std::string_view>& words) const override {
    std::size_t word = 0;  // where the word being read starts
    std::size_t at = 0;
    const auto end_word = [&] {
      if (at > word) words.push_back(text.substr(word, at - word));
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
        end_word();
        if (kind == Kind::punctuation) words.push_back(text.substr(at, length));
        word = at + length;
      }
      at += length;
    }
    end_word();
  }

  CutRule cuts() const override { return {true, true, true}; }

 private:
  std::array<Kind, 128> ascii_;
};

struct Make {
  std::unique_ptr<PreTokenizer> operator()(std::monostate) const { return nullptr; }
  std::unique_ptr<PreTokenizer> operator()(const BertPreTokenizerSpec&) const {
    return std::make_unique<BertPreTokenizer>();
  }
};

}  // namespace

std::unique_ptr<PreTokenizer> make_pre_tokenizer(const PreTokenizerSpec& spec) {
  return std::visit(Make{}, spec);
}

}  // namespace embedtool
