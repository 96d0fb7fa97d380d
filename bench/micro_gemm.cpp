// Linear layers of real models by every backend and precision, 64 rows on one thread. The highest
// rate met is the machine's GEMM peak. EMBEDTOOL_ISA=avx2 measures a lower instruction set.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <vector>

#include "bench/forced_isa.hpp"
#include "core/base/memory.hpp"
#include "core/math/gemm_backends.hpp"

namespace {

using namespace embedtool;

struct Shape {
  std::size_t in;
  std::size_t out;
};

// MiniLM-L6 (384), BERT-base (768): query+key+value, output, FFN up, FFN down; and a large square.
constexpr Shape kShapes[] = {{384, 1152}, {384, 384},  {384, 1536}, {1536, 384}, {768, 2304},
                             {768, 768},  {768, 3072}, {3072, 768}, {1536, 1536}};

void linear(benchmark::State& state, const GemmBackend* backend, Compute compute, Shape shape,
            std::size_t rows) {
  std::vector<float> weight(shape.in * shape.out);
  for (std::size_t i = 0; i < weight.size(); ++i) {
    weight[i] = static_cast<float>(i * 2654435761U % 1000) / 1000.0F - 0.5F;
  }
  const auto layer = backend->make_linear(
      {weight.data(), nullptr, shape.in, shape.out, Activation::identity, compute, true});
  const std::size_t room = round_up(rows, backend->row_block());
  Buffer<float> x(room * shape.in);
  for (std::size_t i = 0; i < rows * shape.in; ++i) {
    x.data()[i] = static_cast<float>(i * 40503U % 1000) / 1000.0F - 0.5F;
  }
  Buffer<float> y(room * shape.out);
  Buffer<std::byte> scratch(layer->scratch_bytes() + 1);
  for ([[maybe_unused]] const auto _ : state) {
    layer->forward(x.data(), rows, y.data(), scratch.data());
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  const double flops = 2.0 * static_cast<double>(rows * shape.in * shape.out);
  state.counters["FLOP/s"] = benchmark::Counter(flops * static_cast<double>(state.iterations()),
                                                benchmark::Counter::kIsRate);
}

[[maybe_unused]] const bool registered = [] {
  follow_forced_isa();
  for (const GemmBackend* backend : gemm_backends()) {
    if (backend == gemm_backends().back()) continue;  // the reference is no contender
    for (const Compute compute : {Compute::f32, Compute::bf16, Compute::int8}) {
      if (!backend->unavailable(compute).empty()) continue;
      for (const Shape shape : kShapes) {
        for (const std::size_t rows : {std::size_t{8}, std::size_t{64}}) {
          benchmark::RegisterBenchmark(
              fmt::format("{}/{}/{}x{}/rows:{}", backend->name(), name_of(compute), shape.in,
                          shape.out, rows)
                  .c_str(),
              [=](benchmark::State& state) { linear(state, backend, compute, shape, rows); });
        }
      }
    }
  }
  return true;
}();

}  // namespace
