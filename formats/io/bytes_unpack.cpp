#include "formats/io/bytes_unpack.hpp"

#include <algorithm>

namespace embedtool {

bool unpack_whole(const Compression& compression, std::span<const char> in, std::size_t size,
                  std::vector<std::byte>& out) {
  constexpr std::size_t kFirst = std::size_t{1} << 20U;
  constexpr std::size_t kUsualRatio = 8;
  const auto unpacker = compression.open({});
  std::size_t room = std::min(size, std::max(kFirst, kUsualRatio * in.size()));
  std::size_t filled = 0;
  out.clear();
  while (true) {
    // Exactly so much: a vector would double its room.
    out.reserve(room);
    out.resize(room);
    // One byte of room more than there should be, so that what is longer shows.
    char extra = 0;
    const bool full = filled == size;
    const std::span<char> rest(reinterpret_cast<char*>(out.data()) + filled, room - filled);
    const Unpacked step = unpacker->unpack(in, full ? std::span(&extra, 1) : rest);
    if (step.error != nullptr || (full && step.produced > 0)) return false;
    in = in.subspan(step.consumed);
    if (!full) filled += step.produced;
    if (in.empty() && filled == size && unpacker->complete()) return true;
    if (step.consumed == 0 && step.produced == 0) return false;
    if (filled == room) room = std::min(size, 2 * room);
  }
}

}  // namespace embedtool
