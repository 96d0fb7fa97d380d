#include "formats/io/bytes_unpack.hpp"

namespace embedtool {

bool unpack_whole(const Compression& compression, std::span<const char> in, std::span<char> out) {
  const auto unpacker = compression.open({});
  // One byte of room more than there should be, so that what is longer shows.
  char extra = 0;
  while (true) {
    const bool full = out.empty();
    const Unpacked step = unpacker->unpack(in, full ? std::span(&extra, 1) : out);
    if (step.error != nullptr || (full && step.produced > 0)) return false;
    in = in.subspan(step.consumed);
    if (!full) out = out.subspan(step.produced);
    if (in.empty() && out.empty() && unpacker->complete()) return true;
    if (step.consumed == 0 && step.produced == 0) return false;
  }
}

}  // namespace embedtool
