#pragma once

#include <span>
#include <string_view>

#include "core/math/gemm.hpp"

namespace embedtool {

// The accessor of each gemm_*.cpp; the table in gemm_backends.cpp lists them.
const GemmBackend& native_backend();
const GemmBackend& onednn_backend();
/// Whether oneDNN multiplies bf16 and int8 by AMX's tiles here.
bool onednn_uses_amx();
const GemmBackend& openblas_backend();
const GemmBackend& reference_backend();

/// Backends that this build has, best first, ending in the reference.
std::span<const GemmBackend* const> gemm_backends();

/// The first backend that can compute in this precision, or the one named `forced` ("" or "auto" =
/// any). Throws Error(usage) with the reason if it is unknown or unavailable.
const GemmBackend& select_gemm(std::string_view forced, Compute compute);

/// Whether some backend other than the reference computes in this precision here.
bool has_kernels(Compute compute);

}  // namespace embedtool
