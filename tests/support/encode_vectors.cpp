#include "tests/support/encode_vectors.hpp"

#include <cstdint>

namespace embedtool::testing {

std::vector<float> encode_vectors(const Encoder& encoder, const Batch& batch) {
  Workspace workspace;
  RowBatch rows;
  StageClock clock;
  encoder.encode(batch, workspace, clock, rows);
  const float* values = rows.vectors.data();
  return {values, values + rows.offsets.back() * encoder.dims()};
}

std::vector<float> encode_vectors(const Encoder& encoder, std::span<const TokenId> ids) {
  const std::vector<std::uint32_t> offsets{0, static_cast<std::uint32_t>(ids.size())};
  return encode_vectors(encoder, {ids, offsets});
}

}  // namespace embedtool::testing
