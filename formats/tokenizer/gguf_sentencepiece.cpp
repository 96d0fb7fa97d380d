// Writes a protocol buffer, as far as a sentencepiece model needs one: varints, 32-bit floats and
// messages inside of messages. Field numbers are those of sentencepiece_model.proto.
#include "formats/tokenizer/gguf_sentencepiece.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace embedtool {
namespace {

constexpr std::int64_t kNormal = 1;
constexpr std::int64_t kUnknown = 2;
constexpr std::int64_t kUnused = 5;
constexpr std::int64_t kByte = 6;
constexpr std::uint64_t kPairs = 2;  // TrainerSpec.ModelType BPE

class Message {
 public:
  void varint(std::uint32_t field, std::uint64_t value) {
    number(std::uint64_t{field} << 3U);
    number(value);
  }
  void float32(std::uint32_t field, float value) {
    number(std::uint64_t{field} << 3U | 5U);
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (unsigned shift = 0; shift < 32; shift += 8) {
      bytes_ += static_cast<char>(bits >> shift & 0xffU);
    }
  }
  void text(std::uint32_t field, std::string_view value) {
    number(std::uint64_t{field} << 3U | 2U);
    number(value.size());
    bytes_ += value;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) bytes_ += static_cast<char>((value & 0x7fU) | 0x80U);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

std::string piece_of(const GgufPieces& pieces, std::size_t i, std::int64_t type) {
  Message piece;
  piece.text(1, pieces.texts[i]);
  piece.float32(2, static_cast<float>(pieces.scores[i]));
  piece.varint(3, static_cast<std::uint64_t>(type));
  return piece.bytes();
}

}  // namespace

std::string sentencepiece_model_of(const GgufPieces& pieces) {
  Message model;
  bool has_unknown = false;
  for (std::size_t i = 0; i < pieces.texts.size(); ++i) {
    std::int64_t type = pieces.types.empty() ? kNormal : pieces.types[i];
    // Some conversions mark placeholders so; the library takes one.
    if (type == kUnknown && has_unknown) type = kUnused;
    has_unknown = has_unknown || type == kUnknown;
    model.text(1, piece_of(pieces, i, type));
  }
  Message trainer;
  trainer.varint(3, kPairs);
  const bool bytes =
      std::find(pieces.types.begin(), pieces.types.end(), kByte) != pieces.types.end();
  trainer.varint(35, bytes ? 1 : 0);  // byte_fallback
  model.text(2, trainer.bytes());
  Message normalizer;
  normalizer.text(1, pieces.charsmap.empty() ? "identity" : "user_defined");
  normalizer.text(2, pieces.charsmap);
  normalizer.varint(3, pieces.adds_blank ? 1 : 0);  // add_dummy_prefix
  normalizer.varint(4, 0);                          // remove_extra_whitespaces
  normalizer.varint(5, 1);                          // escape_whitespaces
  model.text(3, normalizer.bytes());
  return model.bytes();
}

}  // namespace embedtool
