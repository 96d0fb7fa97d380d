// JSON in any layout: the first byte picks options, the rest is the file. Where another parser
// reads the whole file as one array, there is a row or a reject for each of its elements.
#include <nlohmann/json.hpp>

#include "formats/io/text_decoder.hpp"
#include "tests/fuzz/corpus_fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embedtool;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const unsigned pick = data[0];
  const fuzzing::MemoryFile file(bytes);
  CorpusOptions options;
  options.inputs = {file.path()};
  options.format = "json";
  options.keep = {"x", "a.b"};
  if ((pick & 1) != 0) options.max_line_bytes = 100;
  if ((pick & 2) != 0) options.id_from = IdFrom::offset;
  options.max_depth = 100;
  const testing::Corpus corpus = fuzzing::read_both_ways(options, pick >> 2);
  if (corpus.progress.bytes_unpacked != bytes.size() || !detect_coding(bytes).is_plain()) return 0;
  if ((pick & 1) != 0 || bytes.find('\0') != bytes.npos) return 0;
  const auto parsed = nlohmann::json::parse(bytes, nullptr, false);
  if (!parsed.is_array()) return 0;
  const bool nested =
      std::any_of(corpus.rejects.begin(), corpus.rejects.end(), [](const auto& row) {
        return row.reason.find("nested") != row.reason.npos ||
               row.reason.find("near byte") != row.reason.npos;
      });
  fuzzing::require(nested || corpus.rows.size() + corpus.rejects.size() == parsed.size(),
                   "an array's elements are not its records");
  return 0;
}
