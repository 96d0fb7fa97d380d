// Batch building: the ragged builder against a tensor for each text and a stack of them. And the
// embedding lookup three ways: a vector for each token, gathered into one staging buffer, and used
// where it lies in the map.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "core/data.hpp"
#include "core/math/kernels.hpp"

namespace {

using namespace embedtool;

constexpr std::size_t kVocab = 30522;
constexpr std::size_t kHidden = 384;

std::vector<std::vector<TokenId>> texts(std::size_t count, std::size_t tokens) {
  std::vector<std::vector<TokenId>> out(count, std::vector<TokenId>(tokens));
  std::uint32_t state = 1;
  for (auto& text : out) {
    for (TokenId& id : text) {
      state = state * 1664525U + 1013904223U;
      id = static_cast<TokenId>((state >> 8U) % kVocab);
    }
  }
  return out;
}

const std::vector<float>& table() {
  static const std::vector<float> rows(kVocab * kHidden, 0.5F);
  return rows;
}

void count_tokens(benchmark::State& state, std::size_t tokens) {
  state.SetItemsProcessed(static_cast<std::int64_t>(tokens) * state.iterations());
}

void ragged_batch(benchmark::State& state) {
  const auto input = texts(static_cast<std::size_t>(state.range(0)), 512);
  BatchBuilder builder;
  for ([[maybe_unused]] const auto _ : state) {
    builder.clear();
    for (const auto& text : input) builder.append(text);
    benchmark::DoNotOptimize(builder.batch().ids.data());
    benchmark::ClobberMemory();
  }
  count_tokens(state, input.size() * 512);
}
BENCHMARK(ragged_batch)->Arg(32)->Arg(64)->ArgName("texts");

/// What a tensor library's data collator does: int64 ids, mask and types, a tensor of each for
/// every text, then stacked.
void id_tensors_stacked(benchmark::State& state) {
  const auto input = texts(static_cast<std::size_t>(state.range(0)), 512);
  using Tensor = std::vector<std::int64_t>;
  for ([[maybe_unused]] const auto _ : state) {
    std::vector<std::vector<Tensor>> parts(3);
    for (const auto& text : input) {
      parts[0].emplace_back(text.begin(), text.end());
      parts[1].emplace_back(text.size(), 1);
      parts[2].emplace_back(text.size(), 0);
    }
    std::vector<Tensor> stacked(3);
    for (std::size_t p = 0; p < 3; ++p) {
      for (const Tensor& t : parts[p]) stacked[p].insert(stacked[p].end(), t.begin(), t.end());
    }
    benchmark::DoNotOptimize(stacked.data());
    benchmark::ClobberMemory();
  }
  count_tokens(state, input.size() * 512);
}
BENCHMARK(id_tensors_stacked)->Arg(32)->Arg(64)->ArgName("texts");

/// The same with embedded texts: a [512, 384] tensor for each, stacked to [texts, 512, 384].
void embedded_tensors_stacked(benchmark::State& state) {
  const auto input = texts(static_cast<std::size_t>(state.range(0)), 512);
  for ([[maybe_unused]] const auto _ : state) {
    std::vector<std::vector<float>> tensors;
    for (const auto& text : input) {
      std::vector<float>& tensor = tensors.emplace_back();
      for (const TokenId id : text) {
        const float* row = table().data() + static_cast<std::size_t>(id) * kHidden;
        tensor.insert(tensor.end(), row, row + kHidden);
      }
    }
    std::vector<float> stacked;
    for (const auto& t : tensors) stacked.insert(stacked.end(), t.begin(), t.end());
    benchmark::DoNotOptimize(stacked.data());
    benchmark::ClobberMemory();
  }
  count_tokens(state, input.size() * 512);
}
BENCHMARK(embedded_tensors_stacked)->Arg(32)->Arg(64)->ArgName("texts");

// Lookup: 16 texts of 512 tokens, rows read once and reduced, as the first layer norm reads them.

void lookup_vector_per_token(benchmark::State& state) {
  const auto input = texts(16, 512);
  for ([[maybe_unused]] const auto _ : state) {
    std::vector<std::vector<float>> rows;
    for (const auto& text : input) {
      for (const TokenId id : text) {
        const float* row = table().data() + static_cast<std::size_t>(id) * kHidden;
        rows.emplace_back(row, row + kHidden);
      }
    }
    float sum = 0;
    for (const auto& row : rows) sum += sum_of_squares(row.data(), kHidden);
    benchmark::DoNotOptimize(sum);
  }
  count_tokens(state, 16 * 512);
}
BENCHMARK(lookup_vector_per_token);

void lookup_staging_buffer(benchmark::State& state) {
  const auto input = texts(16, 512);
  std::vector<float> staging(16 * 512 * kHidden);
  for ([[maybe_unused]] const auto _ : state) {
    float* out = staging.data();
    float sum = 0;
    for (const auto& text : input) {
      for (const TokenId id : text) {
        std::copy_n(table().data() + static_cast<std::size_t>(id) * kHidden, kHidden, out);
        out += kHidden;
      }
    }
    for (std::size_t i = 0; i < 16 * 512; ++i) {
      sum += sum_of_squares(staging.data() + i * kHidden, kHidden);
    }
    benchmark::DoNotOptimize(sum);
  }
  count_tokens(state, 16 * 512);
}
BENCHMARK(lookup_staging_buffer);

void lookup_from_the_map(benchmark::State& state) {
  const auto input = texts(16, 512);
  for ([[maybe_unused]] const auto _ : state) {
    float sum = 0;
    for (const auto& text : input) {
      for (const TokenId id : text) {
        sum += sum_of_squares(table().data() + static_cast<std::size_t>(id) * kHidden, kHidden);
      }
    }
    benchmark::DoNotOptimize(sum);
  }
  count_tokens(state, 16 * 512);
}
BENCHMARK(lookup_from_the_map);

}  // namespace
