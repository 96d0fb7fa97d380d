// Text in UTF-8, 16 and 32: decoded in pieces as it is in one, and never to more than its bound.
#include "formats/io/text_decoder.hpp"

#include <string>

#include "tests/fuzz/corpus_fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embedtool;
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  detect_coding(bytes);
  const TextCoding coding{static_cast<Encoding>(data[0] % 5), (data[0] & 0x80) != 0};
  std::string whole;
  TextDecoder at_once(coding);
  at_once.decode(bytes, whole);
  at_once.finish(whole);
  std::string pieces;
  TextDecoder in_pieces(coding);
  const std::size_t step = 1 + data[1] % 7;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    in_pieces.decode(bytes.substr(at, step), pieces);
  }
  in_pieces.finish(pieces);
  fuzzing::require(whole == pieces, "text depends on how it arrives");
  fuzzing::require(whole.size() <= bytes.size() * 3 / 2 + 4, "text is longer than its bound");
  return 0;
}
