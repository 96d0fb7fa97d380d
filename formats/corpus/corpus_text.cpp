#include <fmt/core.h>

#include "formats/corpus/corpus_reader.hpp"
#include "formats/corpus/corpus_sniff.hpp"
#include "formats/io/bytes_utf8.hpp"

namespace embedtool {
namespace {

/// Plain text: a line is a text, an empty line an empty text, so that row n is line n. The line's
/// end (LF, CRLF; CR in files that have no other) is no part of it, nor is a byte order mark in
/// front. Lines have no fields: their ids are generated.
class TextReader final : public RecordReader {
 public:
  explicit TextReader(const ReaderContext& context)
      : lines_(context.window, context.options.max_line_bytes),
        builder_(context.builder),
        options_(context.options),
        name_(context.file_name) {}

  Step next(Wait wait) override {
    std::string_view line;
    switch (lines_.next(wait, line)) {
      case LineReader::Status::blocked:
        return Step::blocked;
      case LineReader::Status::end:
        compare_guess();
        return Step::end;
      case LineReader::Status::too_long:
        return reject(fmt::format("the line is longer than {} bytes", options_.max_line_bytes),
                      line);
      case LineReader::Status::line:
        break;
    }
    if (line.ends_with('\r')) line.remove_suffix(1);
    const char first = line.empty() ? '\n' : line.front();
    if (first == '\xef' || first == '{' || first == '\0') {
      if (line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);  // of a file joined by cat(1)
      if (looks_like_object(line)) ++objects_;
      if (is_nul(line)) return reject("nothing but NUL bytes; is the file damaged?", line);
    }
    if (!is_utf8(line)) {
      return reject(fmt::format("invalid UTF-8 at byte {} of the line", valid_utf8_prefix(line)),
                    line);
    }
    builder_.add_text(line, lines_.number());
    return Step::record;
  }

 private:
  /// Whether the input, once read, is still what its first block looked like.
  void compare_guess() {
    const bool guessed = options_.format.empty() && options_.warn;
    if (!guessed || objects_ == 0 || objects_ * 2 < lines_.number()) return;
    options_.warn(
        fmt::format("{}: was read as text, but {} of its {} lines are JSON objects; "
                    "--format jsonl reads them as records",
                    name_, objects_, lines_.number()));
    objects_ = 0;
  }

  Step reject(const std::string& reason, std::string_view line) {
    builder_.reject(lines_.number(), {}, reason, line);
    return Step::rejected;
  }

  LineReader lines_;
  RecordBuilder& builder_;
  const CorpusOptions& options_;
  const std::string& name_;
  std::uint64_t objects_ = 0;  ///< lines that look like JSON objects
};

}  // namespace

std::unique_ptr<RecordReader> open_text(const ReaderContext& context) {
  return std::make_unique<TextReader>(context);
}

}  // namespace embedtool
