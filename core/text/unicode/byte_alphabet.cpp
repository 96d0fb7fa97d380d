#include "core/text/unicode/byte_alphabet.hpp"

#include "core/text/unicode/unicode.hpp"

namespace embedtool {

ByteAlphabet::ByteAlphabet() {
  char32_t next = 0x100;
  for (std::size_t b = 0; b < characters_.size(); ++b) {
    const bool printable =
        (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
    unicode::append(printable ? static_cast<char32_t>(b) : next++, characters_[b]);
  }
}

}  // namespace embedtool
