#include "core/pipeline/batch_encoder.hpp"

namespace embedtool {

void BatchEncoder::reserve(const Encoder& encoder, const BatchShape& shape) {
  encoder.reserve(workspace_, shape.texts, shape.tokens, shape.longest);
  rows_.offsets.reserve(shape.texts + 1);
  if (encoder.kind() == RowKind::sparse) return;
  const std::size_t most = encoder.kind() == RowKind::multi ? shape.tokens : shape.texts;
  rows_.vectors.reserve(most * encoder.dims());
}

}  // namespace embedtool
