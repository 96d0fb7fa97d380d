#pragma once

#include <cstdlib>

#include "core/base/hash.hpp"
#include "core/ports.hpp"

namespace embedtool {

/// Aborts where a tensor has other bytes than its shape and type say. Throws what elements() and
/// the like throw.
inline void abort_unless_whole(const TensorView& tensor) {
  // Reading every byte lets the address sanitizer see a view beyond the file.
  const Hash128 hash = hash128(tensor.bytes.data(), tensor.bytes.size());
  const auto elements = static_cast<std::size_t>(tensor.elements());
  if (tensor.bytes.size() != stored_bytes(tensor.dtype, elements)) std::abort();
  if (hash.hex().empty()) std::abort();
}

}  // namespace embedtool
