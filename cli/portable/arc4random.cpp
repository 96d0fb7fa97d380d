// Part of the portable program alone (scripts/package.sh). libstdc++'s random_device is built
// against a glibc that has arc4random(), since 2.36; with this one, the program starts with an
// older glibc.
#include <sys/random.h>

#include <cstdint>
#include <cstdlib>

// NOLINTNEXTLINE(misc-use-internal-linkage): libstdc++ looks for it
extern "C" std::uint32_t arc4random() noexcept {
  std::uint32_t random = 0;
  if (::getentropy(&random, sizeof random) != 0) std::abort();
  return random;
}
