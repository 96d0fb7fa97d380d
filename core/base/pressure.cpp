#include "core/base/pressure.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstddef>

#include "core/base/cgroup.hpp"

namespace embedtool {
namespace {

constexpr std::uint64_t kLookEveryNs = 1'000'000'000;
constexpr double kStalledPercent = 10;

/// A small kernel file, read without allocating: a run in steady state looks here.
class KernelFile {
 public:
  explicit KernelFile(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    const ssize_t got = ::read(fd, text_.data(), text_.size());
    ::close(fd);
    if (got > 0) size_ = static_cast<std::size_t>(got);
  }
  /// Empty when there is no such file.
  std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, 4096> text_;
  std::size_t size_ = 0;
};

/// Value behind `name` at the beginning of a line or word; 0 where there is none.
double value_of(std::string_view text, std::string_view name) {
  for (std::size_t at = text.find(name); at != std::string_view::npos;
       at = text.find(name, at + 1)) {
    if (at > 0 && text[at - 1] != '\n' && text[at - 1] != ' ') continue;
    double value = 0;
    std::from_chars(text.data() + at + name.size(), text.data() + text.size(), value);
    return value;
  }
  return 0;
}

}  // namespace

std::uint64_t memory_events_in(std::string_view text) {
  return static_cast<std::uint64_t>(value_of(text, "high ") + value_of(text, "max "));
}

double stalled_percent_in(std::string_view text) {
  if (!text.starts_with("some ")) return 0;
  return value_of(text.substr(0, text.find('\n')), "avg10=");
}

PressureGauge::PressureGauge() {
  for (const std::string& folder : cgroup_folders("memory")) {
    if (KernelFile(folder + "/memory.events").text().empty()) continue;
    event_files_.push_back(folder + "/memory.events");
    stall_files_.push_back(folder + "/memory.pressure");
  }
  // Without groups of our own, the machine as a whole.
  if (stall_files_.empty()) stall_files_.emplace_back("/proc/pressure/memory");
  events_seen_ = events();
}

std::uint64_t PressureGauge::events() const {
  std::uint64_t sum = 0;
  for (const std::string& file : event_files_) sum += memory_events_in(KernelFile(file).text());
  return sum;
}

bool PressureGauge::stalled() const {
  for (const std::string& file : stall_files_) {
    if (stalled_percent_in(KernelFile(file).text()) >= kStalledPercent) return true;
  }
  return false;
}

bool PressureGauge::is_tight(std::uint64_t now_ns) {
  if (looked_ns_ == 0) looked_ns_ = now_ns;
  if (now_ns - looked_ns_ < kLookEveryNs) return false;
  looked_ns_ = now_ns;
  const std::uint64_t now = events();
  const bool more = now > events_seen_;
  events_seen_ = now;
  return more || stalled();
}

}  // namespace embedtool
