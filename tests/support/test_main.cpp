// The suites' main(): EMBEDTOOL_ISA=avx2 runs all their tests on that instruction set.
#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>

#include "core/base/error.hpp"
#include "core/math/kernels.hpp"

namespace {

constexpr int kSkipped = 77;  ///< ctest's SKIP_RETURN_CODE

/// False where this CPU lacks the instruction set that the environment asks for.
bool choose_isa() {
  const char* wanted = std::getenv("EMBEDTOOL_ISA");
  if (wanted == nullptr) return true;
  try {
    embedtool::force_isa(wanted);
  } catch (const embedtool::Error& error) {
    std::printf("skipped: %s\n", error.what());
    return false;
  }
  std::printf("forced to %s\n", embedtool::kernel_isa().c_str());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  if (!choose_isa()) return kSkipped;
  return RUN_ALL_TESTS();
}
