#pragma once

#include <cstddef>

#include "core/data.hpp"
#include "core/model/spec.hpp"

namespace embedtool {

/// What a head's rows look like.
struct RowShape {
  RowKind kind = RowKind::dense;
  std::size_t dims = 0;  ///< of a vector; sparse: size of the vocabulary
};

/// Follows from the specification alone: no weight is needed. `hidden` is the width of a token
/// state. Throws Error(model) where the head names no pooling, Error(usage) where it is asked to
/// combine what cannot be combined, or for more dimensions than there are.
RowShape row_shape(const HeadSpec& head, std::size_t hidden, std::size_t vocab_size);

}  // namespace embedtool
