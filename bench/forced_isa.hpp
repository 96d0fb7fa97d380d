#pragma once

#include <cstdlib>

#include "core/math/kernels.hpp"

namespace embedtool {

/// EMBEDTOOL_ISA=avx2 measures that instruction set, as the tests take it. Call before any kernel.
inline void follow_forced_isa() {
  if (const char* wanted = std::getenv("EMBEDTOOL_ISA")) force_isa(wanted);
}

}  // namespace embedtool
