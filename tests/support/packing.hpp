#pragma once

// Compression for tests, by the libraries' own writers.

#include <string>
#include <string_view>

namespace embedtool::testing {

/// One gzip member.
std::string gzip(std::string_view bytes);

/// One zstd frame with a checksum; `window_log` 0 = the library's choice.
std::string zstd(std::string_view bytes, int window_log = 0);

/// A zstd skippable frame.
std::string zstd_skippable(std::string_view bytes);

}  // namespace embedtool::testing
