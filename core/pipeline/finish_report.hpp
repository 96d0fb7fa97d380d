#pragma once

#include <cstdint>

#include "core/base/perf_counters.hpp"
#include "core/base/profile.hpp"
#include "core/math/gemm.hpp"
#include "core/model/encoder.hpp"
#include "core/model/spec.hpp"
#include "core/pipeline/report.hpp"

namespace embedtool {

/// What a run computed with. Borrowed.
struct RunMachinery {
  const ModelSpec& spec;
  const Encoder& encoder;
  const GemmBackend& backend;
  Compute compute = Compute::f32;
};

/// Adds what run() cannot know: the whole process's figures since `start_ns` (monotonic_ns() at the
/// program's start), and names. Stops `main_clock`, the calling thread's account.
void complete_report(RunReport& report, StageClock& main_clock, std::uint64_t start_ns,
                     const RunMachinery& machinery, const PerfCounters& counters);

/// Measures what the machine can do, where the measurement is `wanted` or the run was so long that
/// it does not count; else the report says why not. `may_use` bounds the memory in bytes; 0 = no
/// limit. A measurement that fails is a reason too, and never an error.
void add_peaks(RunReport& report, const RunMachinery& machinery, bool wanted,
               std::uint64_t may_use);

}  // namespace embedtool
