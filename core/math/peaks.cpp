#include "core/math/peaks.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/memory.hpp"
#include "core/base/profile.hpp"
#include "core/base/thread_group.hpp"
#include "core/math/gemm_backends.hpp"

namespace embedtool {
namespace {

/// Sum of what `body` returns on each of `threads` threads.
double on_all(std::size_t threads, const std::function<double(std::size_t)>& body) {
  std::vector<double> rates(threads);
  ThreadGroup group;
  for (std::size_t t = 0; t < threads; ++t) {
    group.start([&, t] { rates[t] = body(t); });
  }
  group.join();
  double sum = 0;
  for (const double rate : rates) sum += rate;
  return sum;
}

/// What `work` does per second: `amount` each time, again and again for `nanoseconds`.
double rate_of(double amount, std::uint64_t nanoseconds, const std::function<void()>& work) {
  work();  // warms up
  const std::uint64_t begin = monotonic_ns();
  std::uint64_t now = begin;
  double done = 0;
  while (now - begin < nanoseconds) {
    work();
    done += amount;
    now = monotonic_ns();
  }
  return done / static_cast<double>(now - begin) * 1e9;
}

}  // namespace

double measure_gemm(const GemmBackend& backend, Compute compute, std::size_t in, std::size_t out,
                    std::size_t threads, std::uint64_t nanoseconds) {
  constexpr std::size_t kRows = 64;
  constexpr int kRepeats = 4;
  std::vector<float> weight(in * out, 0.01F);
  const auto layer =
      backend.make_linear({weight.data(), nullptr, in, out, Activation::identity, compute, true});
  return on_all(threads, [&](std::size_t) {
    const std::size_t room = round_up(kRows, backend.row_block());
    Buffer<float> x(room * in);
    Buffer<float> y(room * out);
    std::fill_n(x.data(), kRows * in, 0.5F);
    Buffer<std::byte> scratch(layer->scratch_bytes() + 1);
    return rate_of(kRepeats * 2.0 * static_cast<double>(kRows * in * out), nanoseconds, [&] {
      for (int i = 0; i < kRepeats; ++i) layer->forward(x.data(), kRows, y.data(), scratch.data());
    });
  });
}

double measure_reads(std::size_t bytes, std::size_t threads, std::uint64_t nanoseconds) {
  // 64-bit words, a cache line at a time in eight sums, so that adding never waits.
  constexpr std::size_t kLine = 8;
  const std::size_t lines = bytes / sizeof(std::uint64_t) / kLine;
  std::vector<std::uint64_t> words(lines * kLine, 1);
  std::atomic<std::uint64_t> sink{0};  // so that the sums are not left out
  return on_all(threads, [&](std::size_t t) {
    const std::size_t share = lines / threads * kLine;
    const std::uint64_t* const own = words.data() + t * share;
    return rate_of(static_cast<double>(share * sizeof(std::uint64_t)), nanoseconds, [&] {
      std::uint64_t sums[kLine] = {};
      for (std::size_t i = 0; i < share; i += kLine) {
        for (std::size_t k = 0; k < kLine; ++k) sums[k] += own[i + k];
      }
      for (const std::uint64_t sum : sums) sink += sum;
    });
  });
}

MachinePeaks measure_peaks(const GemmBackend& backend, Compute compute, std::size_t threads,
                           std::size_t read_buffer) {
  constexpr std::uint64_t kEach = 25'000'000;
  MachinePeaks peaks;
  for (const auto& [in, out] : {std::pair<std::size_t, std::size_t>{384, 1536}, {768, 3072}}) {
    peaks.gemm_flops =
        std::max(peaks.gemm_flops, measure_gemm(backend, compute, in, out, threads, kEach));
  }
  peaks.f32_flops = peaks.gemm_flops;
  if (compute != Compute::f32) {
    peaks.f32_flops =
        measure_gemm(select_gemm("auto", Compute::f32), Compute::f32, 384, 1536, threads, kEach);
  }
  if (read_buffer > 0) peaks.read_bytes = measure_reads(read_buffer, threads, 2 * kEach);
  return peaks;
}

}  // namespace embedtool
