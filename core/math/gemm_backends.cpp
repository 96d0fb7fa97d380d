#include "core/math/gemm_backends.hpp"

#include <array>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

/// The first that can be used and does not yield to a later one, else the first that can be used.
const GemmBackend* best_backend(Compute compute) {
  const GemmBackend* usable = nullptr;
  for (const GemmBackend* backend : gemm_backends()) {
    if (!backend->unavailable(compute).empty()) continue;
    if (!backend->yields(compute)) return backend;
    if (usable == nullptr) usable = backend;
  }
  return usable;
}

}  // namespace

std::span<const GemmBackend* const> gemm_backends() {
  static const std::array backends = {
      &native_backend(),
#ifdef EMBEDTOOL_ONEDNN
      &onednn_backend(),
#endif
      &openblas_backend(),
      &reference_backend(),
  };
  return backends;
}

const GemmBackend& select_gemm(std::string_view forced, Compute compute) {
  if (forced.empty() || forced == "auto") return *best_backend(compute);  // reference: always one
  std::string names;
  for (const GemmBackend* backend : gemm_backends()) {
    if (forced == backend->name()) {
      const std::string reason = backend->unavailable(compute);
      if (reason.empty()) return *backend;
      throw Error(ExitCode::usage, "GEMM backend {} cannot be used with --compute {}: {}", forced,
                  name_of(compute), reason);
    }
    names += names.empty() ? "" : ", ";
    names += backend->name();
  }
  throw Error(ExitCode::usage, "unknown GEMM backend \"{}\" (this build has: {})", forced, names);
}

bool has_kernels(Compute compute) {
  return best_backend(compute) != &reference_backend();
}

}  // namespace embedtool
