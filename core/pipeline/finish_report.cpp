#include "core/pipeline/finish_report.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <string>
#include <utility>

#include "core/base/memory.hpp"
#include "core/base/threads.hpp"
#include "core/math/kernels.hpp"

namespace embedtool {
namespace {

/// Bytes that an element of the layers' weights takes.
std::size_t weight_size(Compute compute) {
  switch (compute) {
    case Compute::f32:
      return 4;
    case Compute::bf16:
      return 2;
    case Compute::int8:
      return 1;
  }
  return 4;
}

/// See RunReport::least_bytes.
double least_bytes(const RunReport& report, const RunMachinery& machinery) {
  const ModelSpec& spec = machinery.spec;
  // A product of a row with a weight is two FLOPs; heads of vectors compute in f32.
  const double weights =
      machinery.encoder.linear_flops(1, 0) / 2 *
          static_cast<double>(weight_size(machinery.compute)) +
      machinery.encoder.linear_flops(0, 1) / 2 * static_cast<double>(sizeof(float));
  const auto states = static_cast<double>(spec.hidden * sizeof(float) * (2 * spec.layers + 2));
  return static_cast<double>(report.counts.batches) * weights +
         static_cast<double>(report.counts.tokens) * states;
}

}  // namespace

void complete_report(RunReport& report, StageClock& main_clock, std::uint64_t start_ns,
                     const RunMachinery& machinery, const PerfCounters& counters) {
  main_clock.stop();
  TraceLane* const lane = main_clock.lane();
  report.times.add_thread("main", main_clock, lane == nullptr ? TraceLane{} : std::move(*lane));
  report.times.wall_ns = monotonic_ns() - start_ns;
  if (report.times.first_vector_ns > 0) report.times.first_vector_ns -= start_ns;
  report.times.process_cpu_ns = process_cpu_ns();
  const ProcessMemory memory = process_memory();
  report.memory.peak_rss = memory.peak_resident;
  report.memory.rss_file = memory.resident_file;
  report.memory.rss_anonymous = memory.resident - std::min(memory.resident, memory.resident_file);
  report.machine.counters = counters.read();
  report.work.least_bytes = least_bytes(report, machinery);
  report.machine.gemm_backend = std::string(machinery.backend.name());
  report.machine.gemm_kernels = machinery.backend.kernels(machinery.compute);
  report.machine.compute = name_of(machinery.compute);
  report.machine.kernel_isa = kernel_isa();
}

void add_peaks(RunReport& report, const RunMachinery& machinery, bool wanted,
               std::uint64_t may_use) {
  // Measuring takes some 0.2 s: a hundredth of this.
  constexpr std::uint64_t kLongRun = 20'000'000'000;
  constexpr std::size_t kReadBuffer = std::size_t{128} << 20U;  // larger than the caches
  if (!wanted && report.times.encode_wall_ns < kLongRun) {
    report.machine.peaks_why_not =
        "measuring the machine takes longer than so short a run is worth; "
        "--report FILE asks for it";
    return;
  }
  const bool room = may_use == 0 || report.memory.peak_rss + kReadBuffer < may_use;
  if (!room)
    report.machine.peaks_why_not = "too little memory is allowed to measure the memory's speed";
  try {
    report.machine.peaks =
        measure_peaks(machinery.backend, machinery.compute,
                      std::max<std::size_t>(report.machine.workers, 1), room ? kReadBuffer : 0);
  } catch (const std::exception&) {  // memory or threads: no reason to fail a run whose vectors are
                                     // all written
    report.machine.peaks_why_not = "too little memory or no thread was left to measure the machine";
  }
}

}  // namespace embedtool
