#pragma once

#include "core/math/gemm.hpp"

// The backends' accessors, one per gemm_*.cpp; the table in gemm.cpp lists them.

namespace embedtool {

const GemmBackend& native_backend();
const GemmBackend& onednn_backend();
/// Whether oneDNN multiplies bf16 and int8 by AMX's tiles here.
bool onednn_uses_amx();
const GemmBackend& openblas_backend();
const GemmBackend& reference_backend();

}  // namespace embedtool
