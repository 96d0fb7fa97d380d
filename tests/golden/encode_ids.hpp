#pragma once

#include <cstdint>
#include <vector>

#include "core/base/profile.hpp"
#include "core/model/encoder.hpp"

namespace embedtool::golden {

/// One vector for each sequence, all of them in one batch.
inline std::vector<std::vector<float>> encode(const Encoder& encoder,
                                              const std::vector<std::vector<TokenId>>& sequences) {
  std::vector<TokenId> ids;
  std::vector<std::uint32_t> offsets{0};
  for (const auto& sequence : sequences) {
    ids.insert(ids.end(), sequence.begin(), sequence.end());
    offsets.push_back(static_cast<std::uint32_t>(ids.size()));
  }
  std::vector<float> flat(sequences.size() * encoder.dims());
  Workspace workspace;
  StageClock clock;
  encoder.encode({ids, offsets}, workspace, clock, flat.data());
  std::vector<std::vector<float>> rows;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const auto begin = flat.begin() + static_cast<std::ptrdiff_t>(i * encoder.dims());
    rows.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(encoder.dims()));
  }
  return rows;
}

}  // namespace embedtool::golden
