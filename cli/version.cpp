#include "cli/version.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "core/math/gemm_backends.hpp"
#include "core/math/kernels.hpp"

namespace embedtool {
namespace {

constexpr const char* compiler() {
#ifdef __clang__
  return "clang " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

std::string backend_line(const GemmBackend& backend) {
  const std::string reason = backend.unavailable(Compute::f32);
  if (!reason.empty()) return fmt::format("{} (not usable here: {})", backend.name(), reason);
  std::vector<std::string> precisions;
  for (const auto& [compute, word] : enum_words<Compute>) {
    if (!backend.unavailable(compute).empty()) continue;
    precisions.push_back(fmt::format("{} {}", word, backend.kernels(compute)));
  }
  return fmt::format("{} ({})", backend.name(), fmt::join(precisions, ", "));
}

}  // namespace

const char* version_string() {
  return EMBEDTOOL_VERSION;
}

std::string version_text() {
  std::string out = fmt::format("embedtool {}\n", version_string());
  out += fmt::format("build:    {}, {}\n", EMBEDTOOL_BUILD_TYPE, compiler());
  std::string label = "backends:";
  for (const GemmBackend* backend : gemm_backends()) {
    out += fmt::format("{:<9} {}\n", label, backend_line(*backend));
    label.clear();
  }
  out +=
      fmt::format("isa:      {} (usable: {})\n", kernel_isa(), fmt::join(supported_isas(), ", "));
  return out;
}

}  // namespace embedtool
