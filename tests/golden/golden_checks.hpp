#pragma once

// How golden vectors are compared: cosine >= 0.999999 and max abs <= 1e-5 on normalized vectors.

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/model/encoder.hpp"
#include "tests/golden/golden_case.hpp"
#include "tests/support/encode_vectors.hpp"

namespace embedtool::golden {

inline constexpr double kMaxAbs = 1e-5;
inline constexpr double kLeastCosine = 0.999999;

/// Vectors of sequences, one batch, rows back to back.
inline std::vector<float> encode_all(const Encoder& encoder, const std::vector<Item>& items) {
  std::vector<TokenId> ids;
  std::vector<std::uint32_t> offsets{0};
  for (const Item& item : items) {
    ids.insert(ids.end(), item.ids.begin(), item.ids.end());
    offsets.push_back(static_cast<std::uint32_t>(ids.size()));
  }
  return testing::encode_vectors(encoder, Batch{ids, offsets});
}

inline void expect_near(std::span<const float> ours, std::span<const double> reference,
                        const std::string& what) {
  const Distance d = distance(ours, reference);
  EXPECT_LE(d.max_abs, kMaxAbs) << what;
  EXPECT_GE(d.cosine, kLeastCosine) << what;
}

}  // namespace embedtool::golden
