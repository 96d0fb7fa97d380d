#include "core/pipeline/batch_encoder.hpp"

namespace embedtool {

void BatchEncoder::reserve(const Encoder& encoder, const BatchShape& shape) {
  encoder.reserve(workspace_, shape);
  // Sparse rows wait in the window, as long as they really are.
  if (encoder.kind() != RowKind::sparse) encoder.reserve(rows_, shape);
}

}  // namespace embedtool
