// Which instruction set the Highway kernels run on, and how to force a lower one.
#include <hwy/highway.h>
#include <hwy/targets.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "core/base/error.hpp"
#include "core/math/kernels.hpp"

#include <fmt/format.h>
namespace embedtool {

std::int64_t current_kernel_target();

namespace {

/// Set once by force_isa(), before any kernel runs.
bool& forced() {
  static bool value = false;
  return value;
}

// Best first. A target's value is lower the better it is (hwy/detect_targets.h).
constexpr std::array<std::pair<const char*, std::int64_t>, 4> kIsas = {{
    {"avx3", HWY_AVX3},
    {"avx2", HWY_AVX2},
    {"sse4", HWY_SSE4},
    {"ssse3", HWY_SSSE3},
}};

std::string lower(std::string s) {
  std::transform(s.begin(), s.end(), s.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return s;
}

}  // namespace

std::string kernel_isa() {
  return hwy::TargetName(current_kernel_target());
}

std::vector<std::string> supported_isas() {
  std::vector<std::string> names;
  for (const auto& [name, target] : kIsas) {
    if ((hwy::SupportedTargets() & HWY_TARGETS & target) != 0) names.emplace_back(name);
  }
  return names;
}

bool isa_forced() {
  return forced();
}

void force_isa(const std::string& name) {
  const std::string wanted = lower(name);
  for (const auto& [known, target] : kIsas) {
    if (wanted != known) continue;
    if ((hwy::SupportedTargets() & target) == 0) {
      throw Error(ExitCode::usage, "this CPU has no {} (choose one of: {})", name,
                  fmt::join(supported_isas(), ", "));
    }
    // Better targets have lower bits; all below `target` in value are switched off.
    hwy::DisableTargets(target - 1);
    forced() = true;
    return;
  }
  throw Error(ExitCode::usage, "unknown instruction set \"{}\" (choose one of: {})", name,
              fmt::join(supported_isas(), ", "));
}

}  // namespace embedtool
