#pragma once

// How golden vectors are compared: cosine >= 0.999999 and max abs <= 1e-5 on normalized vectors.

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/math/gemm_backends.hpp"
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

/// The vectors of the items, in f32 on every backend that this CPU has.
inline void expect_on_every_backend(const ModelSpec& spec, const HeadSpec& head,
                                    const WeightSource& weights, const std::vector<Item>& items) {
  for (const GemmBackend* backend : gemm_backends()) {
    if (!backend->unavailable(Compute::f32).empty()) continue;
    const Encoder encoder(spec, head, weights, *backend);
    const std::vector<float> vectors = encode_all(encoder, items);
    for (std::size_t i = 0; i < items.size(); ++i) {
      expect_near({vectors.data() + i * encoder.dims(), encoder.dims()}, items[i].normalized,
                  std::string(backend->name()) + ", item " + std::to_string(i));
    }
  }
}

}  // namespace embedtool::golden
