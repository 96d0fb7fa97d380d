// CSV and TSV: the first byte picks options, the rest is the file.
#include "tests/fuzz/corpus_fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embedtool;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const unsigned pick = data[0];
  const fuzzing::MemoryFile file(bytes);
  CorpusOptions options;
  options.inputs = {file.path()};
  options.format = (pick & 1) != 0 ? "tsv" : "csv";
  options.quotes = (pick & 2) == 0;
  if ((pick & 4) != 0) options.max_line_bytes = 64;
  options.keep = {"x"};
  options.vector_field = std::string(1, 'v');
  fuzzing::read_both_ways(options, pick >> 3);
  return 0;
}
