// Hostile Arrow files and streams as a corpus: whatever the bytes, reading ends in rows and rejects
// or in an Error, within its bounds. Seeds: tests/unit/data/columns/make.py, each behind a byte of
// options.
#include "tests/fuzz/column_fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  embedtool::fuzzing::read_columns(data, size, "arrow");
  return 0;
}
