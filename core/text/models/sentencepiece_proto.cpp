#include "core/text/models/sentencepiece_proto.hpp"

#include <cstdint>
#include <optional>

#include "core/text/normalize/charsmap.hpp"

namespace embedtool {
namespace {

// Field numbers of sentencepiece_model.proto.
constexpr std::uint64_t kPiece = 1;
constexpr std::uint64_t kTrainerSpec = 2;
constexpr std::uint64_t kNormalizerSpec = 3;
constexpr std::uint64_t kDenormalizerSpec = 5;
constexpr std::uint64_t kPieceText = 1;
constexpr std::uint64_t kTrainerModelType = 3;
constexpr std::uint64_t kNormalizerCharsmap = 2;

struct Field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;  // of a varint
  std::string_view bytes;   // of a length-delimited field
};

/// Takes the fields off a message one by one.
class Fields {
 public:
  explicit Fields(std::string_view message) : rest_(message) {}

  bool damaged() const { return damaged_; }

  std::optional<Field> next() {
    if (rest_.empty() || damaged_) return std::nullopt;
    const std::uint64_t tag = varint();
    Field field{tag >> 3, 0, {}};
    switch (tag & 7U) {
      case 0:
        field.value = varint();
        break;
      case 1:
        take(8);
        break;
      case 2:
        field.bytes = take(varint());
        break;
      case 5:
        take(4);
        break;
      default:
        damaged_ = true;
    }
    if (damaged_) return std::nullopt;
    return field;
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return value;
    }
    damaged_ = true;
    return 0;
  }

  std::string_view take(std::uint64_t n) {
    if (damaged_ || n > rest_.size()) {
      damaged_ = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }

  std::string_view rest_;
  bool damaged_ = false;
};

std::string_view algorithm_name(std::uint64_t model_type) {
  switch (model_type) {
    case 2:
      return "bpe";
    case 3:
      return "word";
    case 4:
      return "char";
    default:
      return "unigram";
  }
}

// One field of the model's message; false when it is damaged.
bool inspect_field(const Field& field, SentencePieceFacts& facts) {
  const bool trainer = field.number == kTrainerSpec;
  const bool normalizer = field.number == kNormalizerSpec || field.number == kDenormalizerSpec;
  const bool piece = field.number == kPiece;
  if (!trainer && !normalizer && !piece) return true;
  if (piece) facts.pieces.emplace_back();
  Fields inner(field.bytes);
  while (const auto part = inner.next()) {
    if (piece && part->number == kPieceText) {
      facts.pieces.back() = part->bytes;
    } else if (trainer && part->number == kTrainerModelType) {
      facts.algorithm = algorithm_name(part->value);
    } else if (normalizer && part->number == kNormalizerCharsmap) {
      const std::string fault = charsmap_fault(part->bytes);
      if (!fault.empty()) facts.fault = "its normalization table is damaged: " + fault;
    }
  }
  return !inner.damaged();
}

}  // namespace

SentencePieceFacts inspect_sentencepiece(std::span<const std::byte> model) {
  SentencePieceFacts facts;
  Fields fields({reinterpret_cast<const char*>(model.data()), model.size()});
  bool whole = !model.empty();
  while (const auto field = fields.next()) whole = inspect_field(*field, facts) && whole;
  if (!whole || fields.damaged()) facts.fault = "it is not a sentencepiece model, or is truncated";
  return facts;
}

}  // namespace embedtool
