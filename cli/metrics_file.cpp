#include "cli/metrics_file.hpp"

#include <chrono>
#include <utility>

#include "cli/version.hpp"
#include "core/base/profile.hpp"
#include "formats/io/publish_file.hpp"

namespace embedtool {
namespace {

/// Collectors look every 15 to 60 seconds.
constexpr std::uint64_t kPeriodNs = 5'000'000'000;
constexpr std::size_t kLargestFile = std::size_t{1} << 20U;

double now() {
  using std::chrono::duration;
  return duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

MetricsFile::MetricsFile(std::string path, const std::string& output, Console& console)
    : path_(std::move(path)), console_(console) {
  if (!enabled()) return;
  metrics_.program = version_string();
  metrics_.output = output;
  metrics_.started = now();
  if (const auto before = read_file(path_, kLargestFile)) {
    metrics_.last_success = last_success_in(*before);
  }
  write();
}

void MetricsFile::write() {
  metrics_.updated = now();
  written_ns_ = monotonic_ns();
  publish_file(path_, metrics_text(metrics_));
}

void MetricsFile::update(const RunProgress& progress) {
  if (!enabled() || monotonic_ns() - written_ns_ < kPeriodNs) return;
  metrics_.progress = progress;
  try {
    write();
  } catch (const Error& e) {
    // The vectors matter more than their monitoring.
    if (!warned_) console_.warning(e.what());
    warned_ = true;
  }
}

void MetricsFile::set_report(const RunReport& report) {
  if (enabled()) metrics_.report = report;
}

void MetricsFile::finish(int exit_code) {
  if (!enabled()) return;
  metrics_.active = false;
  metrics_.exit_code = exit_code;
  if (exit_code == 0) metrics_.last_success = now();
  try {
    write();
  } catch (const Error& e) {
    console_.warning(e.what());
  }
}

}  // namespace embedtool
