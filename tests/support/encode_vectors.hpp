#pragma once

#include <span>
#include <vector>

#include "core/model/encoder.hpp"

namespace embedtool::testing {

/// The vectors of a batch, rows back to back, encoded with buffers of their own.
std::vector<float> encode_vectors(const Encoder& encoder, const Batch& batch);

/// The same for one text.
std::vector<float> encode_vectors(const Encoder& encoder, std::span<const TokenId> ids);

}  // namespace embedtool::testing
