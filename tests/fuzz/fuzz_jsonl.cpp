// JSONL: the first byte picks options, the rest is the file. Beyond what corpus_fuzzing.hpp asks, a
// line is valid JSON for us exactly when it is for nlohmann's parser.
#include <nlohmann/json.hpp>

#include "formats/io/text_decoder.hpp"
#include "tests/fuzz/corpus_fuzzing.hpp"

namespace {

using nlohmann::json;

enum class Verdict { object, not_an_object, unknown };

Verdict judge(std::string_view line) {
  // A byte order mark and record separators may precede an object; NaN and Infinity pass here.
  if (line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  line.remove_prefix(std::min(line.find_first_not_of(" \t\r\x1e"), line.size()));
  if (line.find("NaN") != line.npos || line.find("Infinity") != line.npos) return Verdict::unknown;
  // That parser takes a NUL for the end of its input and steps over a byte order mark; in a line of
  // JSON neither may stand.
  if (line.find('\0') != line.npos || line.starts_with("\xef\xbb\xbf"))
    return Verdict::not_an_object;
  try {
    return json::parse(line).is_object() ? Verdict::object : Verdict::not_an_object;
  } catch (const json::out_of_range&) {
    return Verdict::unknown;  // gave up at a number beyond a double, which JSON allows
  } catch (const json::exception&) {
    return Verdict::not_an_object;
  }
}

/// Was the line rejected for not being JSON (rather than for what its fields hold)?
bool is_json_reason(std::string_view reason) {
  return reason.starts_with("not valid JSON") || reason.starts_with("a record must be one JSON") ||
         reason.starts_with("invalid UTF-8");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embedtool;
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const unsigned pick = data[0];
  bytes.remove_prefix(1);
  const fuzzing::MemoryFile file(bytes);
  CorpusOptions options;
  options.inputs = {file.path()};
  options.format = "jsonl";
  options.keep = {"x", "a.b", "/a/0"};
  options.vector_field = std::string{"v"};  // g++ 12 warns falsely of an assigned literal
  options.vocab_size = 1000;
  if ((pick & 1) != 0) options.text_fields = {"a.0.t", "/text"};
  if ((pick & 2) != 0) options.max_line_bytes = 100;
  if ((pick & 4) != 0) options.id_field = "a.id";
  const testing::Corpus corpus = fuzzing::read_both_ways(options, pick >> 3);
  // The same lines by the other parser; compressed bytes and byte order marks are no concern here.
  if (bytes.starts_with("\xef\xbb\xbf") || corpus.progress.bytes_unpacked != bytes.size()) return 0;
  if (!detect_coding(bytes).is_plain()) return 0;
  std::size_t number = 0;
  std::size_t next_reject = 0;
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    ++number;
    const bool rejected =
        next_reject < corpus.rejects.size() && corpus.rejects[next_reject].line == number;
    const std::string reason = rejected ? corpus.rejects[next_reject++].reason : "";
    if (line.find_first_not_of(" \t\r\x1e") == line.npos) continue;
    if (line.starts_with("\xef\xbb\xbf") && line.find_first_not_of(" \t\r\x1e", 3) == line.npos) {
      continue;
    }
    if (reason.starts_with("the line is longer") || reason.starts_with("JSON nested")) continue;
    const Verdict verdict = judge(line);
    if (verdict == Verdict::unknown) continue;
    fuzzing::require((verdict == Verdict::object) == !is_json_reason(reason),
                     "JSON verdicts differ");
  }
  return 0;
}
