#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "formats/corpus/corpus_numbers.hpp"
#include "formats/corpus/corpus_reader.hpp"
#include "formats/corpus/json_scanner.hpp"
#include "formats/corpus/jsonl_walker.hpp"
#include "formats/io/bytes_utf8.hpp"
#include "formats/io/line_ends.hpp"

namespace embedtool {
namespace {

/// How much of a damaged value goes with its reject.
constexpr std::size_t kRejectBytes = 4096;
constexpr char kRecordSeparator = '\x1e';

/// JSON objects however they are laid out: the elements of arrays, or values one after another with
/// white space, commas or record separators (RFC 7464) between them; on one line or over many.
/// Holds one record at a time. After structural damage the reading resumes at the next line that
/// begins with an object and is indented no further than the damaged one.
class JsonValueReader final : public RecordReader {
 public:
  explicit JsonValueReader(const ReaderContext& context)
      : context_(context),
        scanner_(context.options.max_depth),
        walker_(context.plan, context.options.max_depth) {
    fields_.values.resize(context.plan.names().size());
  }

  Step next(Wait wait) override;

 private:
  enum class Found : std::uint8_t { value, blocked, end };

  Found find_value(Wait wait);
  bool take_separator(char c);
  Step finish_value(Wait wait);
  Step take_value(std::string_view value);
  Step skip_value(Wait wait);
  Step reject(std::string_view bytes, std::string_view reason);
  Step reject_damage(std::string_view view, bool cut);
  bool resynchronise(Wait wait);
  void consume(std::size_t size);
  Step close_input();

  ReaderContext context_;
  JsonScanner scanner_;
  JsonWalker walker_;
  RecordFields fields_;
  std::uint64_t line_ = 1;  ///< of the view's first byte
  std::size_t indent_ = 0;  ///< white space in front of what is at hand, on its line
  bool line_blank_ = true;  ///< nothing else is in front of it there
  bool in_array_ = false;
  bool in_value_ = false;        ///< the view starts with a value
  bool too_long_ = false;        ///< whose beginning is gone
  bool searching_ = false;       ///< for a line to resume at
  std::size_t most_indent_ = 0;  ///< of that line
};

/// Leaves bytes behind and keeps account of lines and indents.
void JsonValueReader::consume(std::size_t size) {
  const std::string_view bytes = context_.window.view().substr(0, size);
  const std::size_t newline = bytes.rfind('\n');
  std::string_view tail = bytes;
  if (newline != std::string_view::npos) {
    line_ += count_line_ends(bytes);
    tail = bytes.substr(newline + 1);
    indent_ = 0;
    line_blank_ = true;
  }
  for (const char c : tail) {
    line_blank_ = line_blank_ && (c == ' ' || c == '\t');
    indent_ += line_blank_ ? 1 : 0;
  }
  context_.window.consume(size);
}

/// Whether the byte is between values; notes what it says.
bool JsonValueReader::take_separator(char c) {
  if (is_json_space(c) || c == ',' || c == kRecordSeparator) return true;
  const bool opens = c == '[' && !in_array_;
  const bool closes = c == ']' && in_array_;
  if (!opens && !closes) return false;
  in_array_ = opens;
  return true;
}

JsonValueReader::Found JsonValueReader::find_value(Wait wait) {
  ByteWindow& window = context_.window;
  while (true) {
    // Of a file that cat(1) has joined to another.
    if (!skip_byte_order_mark(window, wait)) return Found::blocked;
    const std::string_view view = window.view();
    std::size_t at = 0;
    while (at < view.size() && take_separator(view[at])) ++at;
    consume(at);
    if (window.view().starts_with('\xef') && at > 0) continue;
    if (!window.view().empty()) return Found::value;
    const auto got = window.fill(wait);
    if (got == ByteWindow::Fill::blocked) return Found::blocked;
    if (got == ByteWindow::Fill::end) return Found::end;
  }
}

/// Drops bytes up to a line to resume at. False when blocked.
bool JsonValueReader::resynchronise(Wait wait) {
  ByteWindow& window = context_.window;
  while (searching_) {
    const std::string_view view = window.view();
    const std::size_t stop = view.find_first_not_of(" \t\r,", 0);
    if (line_blank_ && stop != std::string_view::npos && view[stop] == '{' &&
        indent_ + stop <= most_indent_) {
      searching_ = false;
      break;
    }
    const std::size_t newline = view.find('\n');
    if (newline != std::string_view::npos) {
      consume(newline + 1);
      continue;
    }
    // An indent is kept until it is clear what it is in front of.
    const bool undecided =
        line_blank_ && stop == std::string_view::npos && view.size() < kRejectBytes;
    if (!undecided) consume(view.size());
    const auto got = window.fill(wait);
    if (got == ByteWindow::Fill::blocked) return false;
    if (got != ByteWindow::Fill::data) {
      consume(window.view().size());
      searching_ = false;
    }
  }
  return true;
}

RecordReader::Step JsonValueReader::reject(std::string_view bytes, std::string_view reason) {
  context_.builder.reject(line_, {}, reason, bytes);
  return Step::rejected;
}

/// The value at hand is damaged behind the bytes that were scanned, or `cut` off there.
RecordReader::Step JsonValueReader::reject_damage(std::string_view view, bool cut) {
  const std::string_view bytes = view.substr(0, std::min(scanner_.size(), kRejectBytes));
  const Step step =
      reject(bytes, cut ? "not valid JSON: an unterminated object, array or string at the input's "
                          "end"
                        : fmt::format("not valid JSON near byte {} of the record: a missing or "
                                      "extra comma, colon, quote or bracket; what follows is "
                                      "skipped up to the next line that begins with an object",
                                      scanner_.size()));
  in_value_ = false;
  searching_ = !cut;
  most_indent_ = indent_;
  consume(scanner_.size());
  return step;
}

RecordReader::Step JsonValueReader::take_value(std::string_view value) {
  if (value.front() != '{') {
    return reject(value, "a record must be a JSON object; this one does not start with {");
  }
  if (!walker_.walk(value, fields_)) return reject(value, walker_.error());
  return context_.builder.add(fields_, line_, value) ? Step::record : Step::rejected;
}

/// Drops the rest of a value that was too long; it has been rejected.
RecordReader::Step JsonValueReader::skip_value(Wait wait) {
  ByteWindow& window = context_.window;
  while (true) {
    const auto status = scanner_.scan(window.view(), window.ended());
    consume(scanner_.size());
    scanner_.drop_scanned();
    if (status != JsonScanner::Status::need_more) {
      too_long_ = in_value_ = false;
      searching_ = status == JsonScanner::Status::bad;
      return Step::record;
    }
    if (window.fill(wait) == ByteWindow::Fill::blocked) return Step::blocked;
  }
}

RecordReader::Step JsonValueReader::finish_value(Wait wait) {
  ByteWindow& window = context_.window;
  while (true) {
    const std::string_view view = window.view();
    const auto status = scanner_.scan(view, window.ended());
    const std::size_t most = context_.options.max_line_bytes;
    if (scanner_.size() > most) {
      most_indent_ = indent_;
      too_long_ = true;
      return reject(view.substr(0, std::min(most, kRejectBytes)),
                    fmt::format("the record is longer than {} bytes", most));
    }
    if (status == JsonScanner::Status::bad) {
      return reject_damage(view, scanner_.size() == view.size() && window.ended());
    }
    if (status == JsonScanner::Status::value) {
      const Step step = take_value(view.substr(0, scanner_.size()));
      in_value_ = false;
      // Words between objects are a line of something else.
      searching_ = view.front() != '{' && !in_array_;
      most_indent_ = indent_;
      consume(scanner_.size());
      return step;
    }
    if (window.fill(wait) == ByteWindow::Fill::blocked) return Step::blocked;
  }
}

/// The input's end: an array that was not closed was cut off.
RecordReader::Step JsonValueReader::close_input() {
  if (!std::exchange(in_array_, false)) return Step::end;
  return reject({}, "the JSON array has no end: the input is cut off here");
}

RecordReader::Step JsonValueReader::next(Wait wait) {
  while (true) {
    if (too_long_ && skip_value(wait) == Step::blocked) return Step::blocked;
    if (!resynchronise(wait)) return Step::blocked;
    if (!in_value_) {
      const Found found = find_value(wait);
      if (found == Found::blocked) return Step::blocked;
      if (found == Found::end) return close_input();
      scanner_.restart();
      in_value_ = true;
    }
    return finish_value(wait);
  }
}

}  // namespace

std::unique_ptr<RecordReader> open_json(const ReaderContext& context) {
  return std::make_unique<JsonValueReader>(context);
}

}  // namespace embedtool
