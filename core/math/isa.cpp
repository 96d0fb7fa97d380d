// Which instruction set the Highway kernels run on, and how to force a lower one.
#include <fmt/format.h>
#include <hwy/highway.h>
#include <hwy/targets.h>

#include <algorithm>
#include <array>
#include <cctype>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "core/base/error.hpp"
#include "core/math/kernels.hpp"

namespace embedtool {

std::int64_t current_kernel_target();

namespace {

/// A set of extensions, a bit each.
using Extensions = std::uint32_t;

constexpr Extensions kAllExtensions = ~Extensions{0};

constexpr Extensions bit(IsaExtension extension) {
  return Extensions{1} << static_cast<unsigned>(extension);
}

/// What force_isa() set, once, before any kernel ran.
struct Limit {
  bool forced = false;
  Extensions extensions = kAllExtensions;  ///< that kernels may use, where the CPU has them
};

Limit& limit() {
  static Limit value;
  return value;
}

struct Isa {
  const char* name;  ///< ours: Highway's own names vary with its version
  std::int64_t target;
  Extensions extensions;  ///< that it has when it is forced
  bool can_be_forced;
};

// Best first. Highway gives better targets lower values (hwy/detect_targets.h). CMakeLists.txt
// holds it to these.
#if HWY_ARCH_ARM_A64
constexpr Extensions kDotprod = bit(IsaExtension::neon_dotprod);
constexpr Extensions kI8mm = kDotprod | bit(IsaExtension::neon_i8mm);
constexpr Extensions kBf16 = kI8mm | bit(IsaExtension::neon_bf16);
// Highway's one target is the compiler's baseline: every arm64 CPU has NEON.
constexpr std::array kIsas = {
    Isa{"NEON-BF16", HWY_STATIC_TARGET, kBf16, true},
    Isa{"NEON-I8MM", HWY_STATIC_TARGET, kI8mm, true},
    Isa{"NEON-DOTPROD", HWY_STATIC_TARGET, kDotprod, true},
    Isa{"NEON", HWY_STATIC_TARGET, 0, true},
};
#else
constexpr std::array kIsas = {
    Isa{"AVX3", HWY_AVX3, 0, true},   Isa{"AVX2-VNNI", HWY_AVX2, bit(IsaExtension::avx_vnni), true},
    Isa{"AVX2", HWY_AVX2, 0, true},   Isa{"SSE4", HWY_SSE4, 0, true},
    Isa{"SSSE3", HWY_SSSE3, 0, true}, Isa{"SCALAR", HWY_SCALAR, 0, false},
};
#endif

#if defined(__x86_64__)
/// By CPUID, since clang 14's __builtin_cpu_supports() does not know it.
bool cpu_has_avx_vnni() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1U) != 0;
}
#endif

/// The extensions that this CPU has and that `target` has kernels for.
Extensions cpu_extensions([[maybe_unused]] std::int64_t target) {
  Extensions found = 0;
#if defined(__x86_64__)
  if (target == HWY_AVX3) {
    if (__builtin_cpu_supports("avx512bf16") != 0) found |= bit(IsaExtension::avx512_bf16);
    if (__builtin_cpu_supports("avx512vnni") != 0) found |= bit(IsaExtension::avx512_vnni);
  }
  if (target == HWY_AVX2 && cpu_has_avx_vnni()) found |= bit(IsaExtension::avx_vnni);
#elif defined(__aarch64__) && defined(__linux__)
  const auto has = [](unsigned long type, unsigned long mask) {
    return (::getauxval(type) & mask) != 0;
  };
  if (has(AT_HWCAP, HWCAP_ASIMDDP)) found |= bit(IsaExtension::neon_dotprod);
  if (has(AT_HWCAP2, HWCAP2_I8MM)) found |= bit(IsaExtension::neon_i8mm);
  if (has(AT_HWCAP2, HWCAP2_BF16)) found |= bit(IsaExtension::neon_bf16);
#endif
  return found;
}

bool is_supported(const Isa& isa) {
  const std::int64_t targets = (hwy::SupportedTargets() & HWY_TARGETS) | HWY_STATIC_TARGET;
  if ((targets & isa.target) == 0) return false;
  return (cpu_extensions(isa.target) & isa.extensions) == isa.extensions;
}

std::string lower(std::string s) {
  std::transform(s.begin(), s.end(), s.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return s;
}

}  // namespace

std::string kernel_isa() {
  const std::int64_t current = current_kernel_target();
  for (const Isa& isa : kIsas) {
    if (isa.target == current && isa.extensions == 0) return isa.name;
  }
  return hwy::TargetName(current);  // neither x86 nor arm64
}

std::vector<std::string> supported_isas() {
  std::vector<std::string> names;
  for (const Isa& isa : kIsas) {
    if (isa.can_be_forced && is_supported(isa)) names.push_back(lower(isa.name));
  }
  return names;
}

bool isa_forced() {
  return limit().forced;
}

bool has_extension(IsaExtension extension) {
  return (limit().extensions & cpu_extensions(current_kernel_target()) & bit(extension)) != 0;
}

bool has_quads() {
  return has_extension(IsaExtension::avx512_vnni) || has_extension(IsaExtension::avx_vnni) ||
         has_extension(IsaExtension::neon_i8mm);
}

bool has_slow_bf16_dot() {
#if defined(__x86_64__)
  return __builtin_cpu_is("intel") != 0;
#else
  return false;
#endif
}

void force_isa(const std::string& name) {
  const std::string wanted = lower(name);
  for (const Isa& isa : kIsas) {
    if (!isa.can_be_forced || wanted != lower(isa.name)) continue;
    if (!is_supported(isa)) {
      throw Error(ExitCode::usage, "this CPU has no {} (choose one of: {})", name,
                  fmt::join(supported_isas(), ", "));
    }
    // Better targets have lower bits; all below `target` in value are switched off.
    hwy::DisableTargets(isa.target - 1);
    limit() = {true, isa.extensions};
    return;
  }
  throw Error(ExitCode::usage, "unknown instruction set \"{}\" (choose one of: {})", name,
              fmt::join(supported_isas(), ", "));
}

}  // namespace embedtool
