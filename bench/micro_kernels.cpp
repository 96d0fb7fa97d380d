// What lies between the GEMMs: attention by length and head size, norm, activation, conversions.
#include <benchmark/benchmark.h>
#include <string>

#include <cmath>
#include <vector>

#include "core/math/attention.hpp"
#include "core/math/kernels.hpp"

namespace {

using namespace embedtool;

std::vector<float> numbers(std::size_t n) {
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = static_cast<float>(i * 2654435761U % 2000) / 500.0F - 2.0F;
  }
  return out;
}

/// Twelve heads, as in MiniLM-L6 (32) and BERT-base (64).
void attention_by_length(benchmark::State& state) {
  const auto length = static_cast<std::size_t>(state.range(0));
  const auto head_dim = static_cast<std::size_t>(state.range(1));
  constexpr std::size_t kHeads = 12;
  const std::size_t hidden = kHeads * head_dim;
  const auto qkv = numbers(length * 3 * hidden);
  std::vector<float> out(length * hidden);
  Buffer<std::byte> scratch(attention_scratch_bytes(length, head_dim));
  const float scale = 1.0F / std::sqrt(static_cast<float>(head_dim));
  for ([[maybe_unused]] const auto _ : state) {
    attention({.query = qkv.data(),
               .key = qkv.data() + hidden,
               .value = qkv.data() + 2 * hidden,
               .stride = 3 * hidden,
               .length = length,
               .heads = kHeads,
               .kv_heads = kHeads,
               .head_dim = head_dim,
               .scale = scale,
               .out = out.data(),
               .out_stride = hidden},
              scratch.data());
    benchmark::ClobberMemory();
  }
  const double flops = 4.0 * static_cast<double>(length * length * hidden);
  const auto runs = static_cast<double>(state.iterations());
  state.counters["FLOP/s"] = benchmark::Counter(flops * runs, benchmark::Counter::kIsRate);
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(length) * runs, benchmark::Counter::kIsRate);
}
BENCHMARK(attention_by_length)
    ->ArgsProduct({{5, 17, 40, 64, 128, 256, 512, 2048, 8192}, {32, 64}})
    ->ArgNames({"tokens", "head_dim"});

void norm(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  constexpr std::size_t kRows = 64;
  auto x = numbers(kRows * n);
  const auto residual = numbers(kRows * n);
  const auto gamma = numbers(n);
  for ([[maybe_unused]] const auto _ : state) {
    layer_norm({x.data(), residual.data(), gamma.data(), gamma.data(), 1e-12F, kRows, n, x.data()});
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(kRows * n) * state.iterations());
}
BENCHMARK(norm)->Arg(384)->Arg(768)->Arg(1024);

void activation(benchmark::State& state) {
  const auto kind = static_cast<Activation>(state.range(0));
  auto x = numbers(4096);
  for ([[maybe_unused]] const auto _ : state) {
    bias_activate({x.data(), 4096, 1, 4096, nullptr, kind});
    benchmark::ClobberMemory();
  }
  state.SetLabel(std::string(name_of(kind)));
  state.SetItemsProcessed(4096 * state.iterations());
}
BENCHMARK(activation)
    ->Arg(static_cast<int>(Activation::gelu))
    ->Arg(static_cast<int>(Activation::gelu_tanh))
    ->Arg(static_cast<int>(Activation::silu))
    ->Arg(static_cast<int>(Activation::tanh));

void to_half(benchmark::State& state) {
  const auto x = numbers(4096);
  std::vector<std::byte> out(4096 * 2);
  for ([[maybe_unused]] const auto _ : state) {
    to_f16(x.data(), x.size(), out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(4096 * state.iterations());
}
BENCHMARK(to_half);

}  // namespace
