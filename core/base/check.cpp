#include "core/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace embedtool {

void check_failed(const char* file, int line, const char* condition) noexcept {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace embedtool
