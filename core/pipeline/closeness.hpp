#pragma once

#include <cstddef>
#include <span>

namespace embedtool {

/// How close vectors are to others of the same texts.
struct Closeness {
  double worst = 1;  ///< least cosine; -1 where a vector is not finite
  double mean = 1;
};

/// Both are [vectors, dims]. Two zero vectors count as equal. Of no vectors at all: 1.
Closeness compare_vectors(std::span<const float> a, std::span<const float> b, std::size_t dims);

}  // namespace embedtool
