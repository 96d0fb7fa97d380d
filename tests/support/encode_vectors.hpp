#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/model/encoder.hpp"

namespace embedtool::testing {

/// The vectors of a batch, rows back to back, encoded with buffers of their own.
inline std::vector<float> encode_vectors(const Encoder& encoder, const Batch& batch) {
  Workspace workspace;
  RowBatch rows;
  StageClock clock;
  encoder.encode(batch, workspace, clock, rows);
  const float* values = rows.vectors.data();
  return {values, values + rows.offsets.back() * encoder.dims()};
}

/// The same for one text.
inline std::vector<float> encode_vectors(const Encoder& encoder, std::span<const TokenId> ids) {
  const std::vector<std::uint32_t> offsets{0, static_cast<std::uint32_t>(ids.size())};
  return encode_vectors(encoder, {ids, offsets});
}

}  // namespace embedtool::testing
