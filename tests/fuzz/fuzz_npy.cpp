// Hostile npy headers: a shape, or an Error.
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/error.hpp"
#include "formats/output/npy.hpp"
#include "tests/support/memory_io.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  try {
    embedtool::read_npy_header(embedtool::testing::MemoryBytes({bytes, size}, "fuzz"));
  } catch (const embedtool::Error&) {
  }
  return 0;
}
