#pragma once

// Compression for tests, by the libraries' own writers.

#include <cstdint>
#include <string>
#include <string_view>

namespace embedtool::testing {

/// One gzip member.
std::string gzip(std::string_view bytes);

/// One zstd frame with a checksum; `window_log` 0 = the library's choice.
std::string zstd(std::string_view bytes, int window_log = 0);

/// A zstd skippable frame.
std::string zstd_skippable(std::string_view bytes);

/// One bzip2 stream.
std::string bzip2(std::string_view bytes);

/// One .xz stream; `preset` as for `xz -0` to `xz -9`.
std::string xz(std::string_view bytes, std::uint32_t preset = 0);

/// One LZ4 frame with a checksum.
std::string lz4(std::string_view bytes);

}  // namespace embedtool::testing
