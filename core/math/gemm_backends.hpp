#pragma once

#include "core/math/gemm.hpp"

// The backends' accessors, one per gemm_*.cpp; the table in gemm.cpp lists them.

namespace embedtool {

const GemmBackend& native_backend();
const GemmBackend& onednn_backend();
const GemmBackend& openblas_backend();
const GemmBackend& reference_backend();

}  // namespace embedtool
