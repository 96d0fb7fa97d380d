// Hostile gzip and zstd streams: read to the end or to an Error, with large and with tiny buffers
// alike, and no more bytes than the cap here.
#include <cstddef>
#include <cstdint>
#include <string>

#include "formats/io/bytes.hpp"
#include "tests/fuzz/corpus_fuzzing.hpp"

namespace {

constexpr std::size_t kCap = std::size_t{4} << 20U;

std::string unpack(const std::string& path, std::size_t buffer, bool& failed) {
  std::string out;
  try {
    embedtool::ByteCounters counters;
    embedtool::ByteStream stream(path, counters);
    std::string part(buffer, '\0');
    while (out.size() < kCap) {
      const auto got = stream.read(part, embedtool::Wait::yes);
      if (got.end) break;
      out.append(part, 0, got.size);
    }
  } catch (const embedtool::Error&) {
    failed = true;
  }
  out.resize(std::min(out.size(), kCap));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using embedtool::fuzzing::require;
  const embedtool::fuzzing::MemoryFile file({reinterpret_cast<const char*>(data), size});
  bool failed = false;
  bool failed_tiny = false;
  const std::string whole = unpack(file.path(), 65536, failed);
  const std::string tiny = unpack(file.path(), 512, failed_tiny);
  if (whole.size() < kCap && !failed) {
    require(tiny == whole && !failed_tiny, "bytes depend on the buffer");
  }
  return 0;
}
