#pragma once

#include <array>
#include <string>
#include <string_view>

namespace embedtool {

/// GPT-2's visible alphabet: one character for each byte, the byte itself if it is printable in
/// Latin-1, else a character from U+0100 on. Vocabularies of byte-level models are written in it.
class ByteAlphabet {
 public:
  ByteAlphabet();

  /// The character of a byte, as UTF-8.
  const std::string& of(unsigned char byte) const { return characters_[byte]; }

  /// `text` in the alphabet.
  std::string spell(std::string_view text) const {
    std::string out;
    for (const char c : text) out += of(static_cast<unsigned char>(c));
    return out;
  }

 private:
  std::array<std::string, 256> characters_;
};

}  // namespace embedtool
