#include "core/math/gemm.hpp"

#include <array>

#include "core/base/error.hpp"
#include "core/math/gemm_backends.hpp"

namespace embedtool {

std::span<const GemmBackend* const> gemm_backends() {
  static const std::array backends = {
#ifdef EMBEDTOOL_ONEDNN
      &onednn_backend(),
#endif
      &openblas_backend(),
      &reference_backend(),
  };
  return backends;
}

const GemmBackend& select_gemm(std::string_view forced) {
  std::string names;
  for (const GemmBackend* backend : gemm_backends()) {
    const bool wished = forced == backend->name();
    if (wished || forced.empty() || forced == "auto") {
      const std::string reason = backend->unavailable();
      if (reason.empty()) return *backend;
      if (wished) {
        throw Error(ExitCode::usage, "GEMM backend {} cannot be used: {}", forced, reason);
      }
    }
    names += names.empty() ? "" : ", ";
    names += backend->name();
  }
  throw Error(ExitCode::usage, "unknown GEMM backend \"{}\" (this build has: {})", forced, names);
}

}  // namespace embedtool
