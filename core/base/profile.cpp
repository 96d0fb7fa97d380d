#include "core/base/profile.hpp"

#include <time.h>

#include <bit>

namespace embedtool {
namespace {

std::uint64_t read_clock(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_nsec);
}

std::uint64_t thread_cpu_ns() {
  return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

constexpr std::array<const char*, kStageCount> kNames = {
    "read", "tokenize",  "plan",     "batch", "lookup", "gemm", "attention", "elementwise", "pool",
    "head", "normalize", "quantize", "write", "sync",   "load", "idle",      "other"};

/// Bucket of a duration: its octave and the three bits below the leading one.
std::size_t bucket_of(std::uint64_t ns) {
  if (ns < 8) return static_cast<std::size_t>(ns);
  const auto octave = static_cast<unsigned>(std::bit_width(ns)) - 1;
  return (octave - 2) * 8 + ((ns >> (octave - 3)) & 7U);
}

std::uint64_t bucket_end(std::size_t bucket) {
  if (bucket < 8) return bucket;
  const std::size_t octave = bucket / 8 + 2;
  return ((8 + bucket % 8 + 1) << (octave - 3)) - 1;
}

}  // namespace

const char* name_of(Stage stage) {
  return kNames[static_cast<std::size_t>(stage)];
}

void DurationHistogram::add(std::uint64_t nanoseconds) {
  ++buckets_[bucket_of(nanoseconds)];
  ++count_;
}

void DurationHistogram::merge(const DurationHistogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
}

std::uint64_t DurationHistogram::quantile(double q) const {
  if (count_ == 0) return 0;
  const auto rank = static_cast<std::uint64_t>(q * static_cast<double>(count_ - 1));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen > rank) return bucket_end(i);
  }
  return bucket_end(kBuckets - 1);
}

void StageTotals::merge(const StageTotals& other) {
  wall_ns += other.wall_ns;
  cpu_ns += other.cpu_ns;
  calls += other.calls;
  per_call.merge(other.per_call);
}

StageClock::StageClock(Stage first)
    : current_(first), wall_(monotonic_ns()), cpu_(thread_cpu_ns()) {}

void StageClock::enter(Stage next) {
  const std::uint64_t wall = monotonic_ns();
  const std::uint64_t cpu = thread_cpu_ns();
  StageTotals& left = totals_[static_cast<std::size_t>(current_)];
  left.wall_ns += wall - wall_;
  left.cpu_ns += cpu - cpu_;
  ++left.calls;
  left.per_call.add(wall - wall_);
  wall_ = wall;
  cpu_ = cpu;
  current_ = next;
}

const StageTable& StageClock::stop() {
  enter(current_);
  return totals_;
}

std::uint64_t process_cpu_ns() {
  return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}
std::uint64_t monotonic_ns() {
  return read_clock(CLOCK_MONOTONIC);
}

}  // namespace embedtool
