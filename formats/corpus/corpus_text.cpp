#include <fmt/format.h>

#include "formats/corpus/corpus_reader.hpp"
#include "formats/io/bytes_utf8.hpp"

namespace embedtool {
namespace {

/// Plain text: a line is a text, an empty line an empty text, so that row n is line n. The line's
/// end, LF or CRLF, is no part of it. Lines have no fields: their ids are ordinals.
class TextReader final : public RecordReader {
 public:
  explicit TextReader(const ReaderContext& context)
      : lines_(context.window, context.options.max_line_bytes),
        builder_(context.builder),
        max_line_(context.options.max_line_bytes) {}

  Step next(Wait wait) override {
    std::string_view line;
    switch (lines_.next(wait, line)) {
      case LineReader::Status::blocked:
        return Step::blocked;
      case LineReader::Status::end:
        return Step::end;
      case LineReader::Status::too_long:
        return reject(fmt::format("the line is longer than {} bytes", max_line_), line);
      case LineReader::Status::line:
        break;
    }
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!is_utf8(line)) {
      return reject(fmt::format("invalid UTF-8 at byte {} of the line", valid_utf8_prefix(line)),
                    line);
    }
    builder_.add_text(line, lines_.number());
    return Step::record;
  }

 private:
  Step reject(const std::string& reason, std::string_view line) {
    builder_.reject(lines_.number(), {}, reason, line);
    return Step::rejected;
  }

  LineReader lines_;
  RecordBuilder& builder_;
  std::size_t max_line_;
};

}  // namespace

std::unique_ptr<RecordReader> open_text(const ReaderContext& context) {
  return std::make_unique<TextReader>(context);
}

}  // namespace embedtool
