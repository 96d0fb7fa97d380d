// Linked into the suites: EMBEDTOOL_ISA=avx2 runs all their tests on that instruction set.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "core/base/error.hpp"
#include "core/math/kernels.hpp"

namespace embedtool {
namespace {

class IsaEnvironment : public testing::Environment {
 public:
  void SetUp() override {
    const char* wanted = std::getenv("EMBEDTOOL_ISA");
    if (wanted == nullptr) return;
    try {
      force_isa(wanted);
    } catch (const Error& error) {
      std::printf("skipped: %s\n", error.what());
      std::exit(77);  // ctest's SKIP_RETURN_CODE
    }
    std::printf("forced to %s\n", kernel_isa().c_str());
  }
};

[[maybe_unused]] const testing::Environment* const kEnvironment =
    testing::AddGlobalTestEnvironment(new IsaEnvironment);

}  // namespace
}  // namespace embedtool
