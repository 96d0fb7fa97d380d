#pragma once

#include <cstddef>
#include <span>

namespace embedtool {

/// How close vectors are to other vectors of the same texts.
struct Closeness {
  double worst = 1;  ///< lowest cosine; -1 if a vector is not finite
  double mean = 1;
};

/// Both are [vectors, dims]. Two zero vectors count as equal. 1 if there are no vectors.
Closeness compare_vectors(std::span<const float> a, std::span<const float> b, std::size_t dims);

}  // namespace embedtool
