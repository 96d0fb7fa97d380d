// Inputs of which nothing is known: the first byte picks options, the rest is the file. Whatever it
// is taken for, it is read the same with every buffer.
#include "tests/fuzz/corpus_fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embedtool;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const unsigned pick = data[0];
  const fuzzing::MemoryFile file(bytes);
  CorpusOptions options;
  options.inputs = {file.path()};
  options.keep = {"x"};
  options.header = (pick & 1) == 0;
  if ((pick & 2) != 0) options.max_line_bytes = 64;
  if ((pick & 4) != 0) options.format = "file";
  if (!options.header) options.text_fields = {"1"};
  std::size_t warnings = 0;
  options.warn = [&warnings](const std::string& text) {
    fuzzing::require(is_utf8(text) && !text.empty(), "a warning is no text");
    ++warnings;
  };
  fuzzing::read_both_ways(options, pick >> 3);
  fuzzing::require(warnings <= 8, "an input is warned of over and over");
  return 0;
}
