#include <fmt/core.h>

#include "formats/corpus/corpus_numbers.hpp"
#include "formats/corpus/corpus_reader.hpp"
#include "formats/corpus/jsonl_walker.hpp"

namespace embedtool {
namespace {

/// JSONL (NDJSON): one JSON object a line; lines of white space are skipped.
class JsonlReader final : public RecordReader {
 public:
  explicit JsonlReader(const ReaderContext& context)
      : lines_(context.window, context.options.max_line_bytes),
        walker_(context.plan, context.options.max_depth),
        builder_(context.builder),
        max_line_(context.options.max_line_bytes) {
    fields_.values.resize(context.plan.names().size());
  }

  Step next(Wait wait) override {
    std::string_view line;
    while (true) {
      switch (lines_.next(wait, line)) {
        case LineReader::Status::blocked:
          return Step::blocked;
        case LineReader::Status::end:
          return Step::end;
        case LineReader::Status::too_long:
          builder_.reject(lines_.number(), {},
                          fmt::format("the line is longer than {} bytes", max_line_), line);
          return Step::rejected;
        case LineReader::Status::line:
          break;
      }
      skip_marks(line);
      if (!line.empty()) return parse(line);
    }
  }

 private:
  /// White space, a byte order mark of a file joined by cat(1), a record separator (RFC 7464).
  static void skip_marks(std::string_view& line) {
    if (line.starts_with('{')) return;
    constexpr std::string_view kMark = "\xef\xbb\xbf";
    if (line.starts_with(kMark)) line.remove_prefix(kMark.size());
    while (!line.empty() && (is_json_space(line.front()) || line.front() == '\x1e')) {
      line.remove_prefix(1);
    }
  }

  Step parse(std::string_view line) {
    if (!walker_.walk(line, fields_)) {
      builder_.reject(lines_.number(), {}, walker_.error(), line);
      return Step::rejected;
    }
    return builder_.add(fields_, lines_.number(), line) ? Step::record : Step::rejected;
  }

  LineReader lines_;
  JsonWalker walker_;
  RecordFields fields_;
  RecordBuilder& builder_;
  std::size_t max_line_;
};

}  // namespace

std::unique_ptr<RecordReader> open_jsonl(const ReaderContext& context) {
  return std::make_unique<JsonlReader>(context);
}

}  // namespace embedtool
