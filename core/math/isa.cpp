// Which instruction set the Highway kernels run on, and how to force a lower one.
#include <fmt/format.h>
#include <hwy/highway.h>
#include <hwy/targets.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "core/base/error.hpp"
#include "core/math/kernels.hpp"

namespace embedtool {

std::int64_t current_kernel_target();

namespace {

/// Set once by force_isa(), before any kernel runs.
bool& forced() {
  static bool value = false;
  return value;
}

struct Isa {
  const char* name;  ///< ours: Highway's own names vary with its version
  std::int64_t target;
  bool can_be_forced;
};

// Best first, as Highway orders them: the better a target, the lower its value
// (hwy/detect_targets.h). CMakeLists.txt holds Highway to these.
constexpr std::array kIsas = {
    Isa{"AVX3", HWY_AVX3, true},   Isa{"AVX2", HWY_AVX2, true},      Isa{"SSE4", HWY_SSE4, true},
    Isa{"SSSE3", HWY_SSSE3, true}, Isa{"SCALAR", HWY_SCALAR, false},
};

std::string lower(std::string s) {
  std::transform(s.begin(), s.end(), s.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return s;
}

}  // namespace

std::string kernel_isa() {
  const std::int64_t current = current_kernel_target();
  for (const Isa& isa : kIsas) {
    if (isa.target == current) return isa.name;
  }
  return hwy::TargetName(current);  // not x86
}

std::vector<std::string> supported_isas() {
  std::vector<std::string> names;
  for (const Isa& isa : kIsas) {
    if (!isa.can_be_forced || (hwy::SupportedTargets() & HWY_TARGETS & isa.target) == 0) continue;
    names.push_back(lower(isa.name));
  }
  return names;
}

bool isa_forced() {
  return forced();
}

void force_isa(const std::string& name) {
  const std::string wanted = lower(name);
  for (const Isa& isa : kIsas) {
    if (!isa.can_be_forced || wanted != lower(isa.name)) continue;
    if ((hwy::SupportedTargets() & isa.target) == 0) {
      throw Error(ExitCode::usage, "this CPU has no {} (choose one of: {})", name,
                  fmt::join(supported_isas(), ", "));
    }
    // Better targets have lower bits; all below `target` in value are switched off.
    hwy::DisableTargets(isa.target - 1);
    forced() = true;
    return;
  }
  throw Error(ExitCode::usage, "unknown instruction set \"{}\" (choose one of: {})", name,
              fmt::join(supported_isas(), ", "));
}

}  // namespace embedtool
