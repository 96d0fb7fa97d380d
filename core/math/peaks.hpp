#pragma once

#include <cstddef>

#include "core/math/gemm.hpp"

namespace embedtool {

/// What this machine can do, measured; per second. 0 = not measured.
struct MachinePeaks {
  double gemm_flops = 0;  ///< linear layers, in the requested precision
  double f32_flops = 0;   ///< the same in f32, in which attention computes
  double read_bytes = 0;  ///< from memory, larger than the caches
};

/// FLOP/s of `threads` threads that each multiply [64, in] by [in, out] repeatedly for
/// `nanoseconds`.
double measure_gemm(const GemmBackend& backend, Compute compute, std::size_t in, std::size_t out,
                    std::size_t threads, std::uint64_t nanoseconds);

/// Bytes per second that `threads` threads together read from an array of `bytes`.
double measure_reads(std::size_t bytes, std::size_t threads, std::uint64_t nanoseconds);

/// The best rate of this backend on shapes of real models, and the speed of memory. Takes about 0.2
/// s and, meanwhile, `read_buffer` bytes; 0 skips measuring memory.
MachinePeaks measure_peaks(const GemmBackend& backend, Compute compute, std::size_t threads,
                           std::size_t read_buffer);

}  // namespace embedtool
