#include "formats/corpus/open_input.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/error.hpp"
#include "formats/corpus/foreign_kind.hpp"
#include "formats/io/line_ends.hpp"
#include "formats/io/text_decoder.hpp"

namespace embedtool {
namespace {

/// For so many bytes, of which one more is asked for to see their end. A small file, of which there
/// may be a million, needs no large buffer.
std::size_t buffer_for(std::uint64_t bytes, const CorpusOptions& options) {
  return bytes >= options.buffer_bytes
             ? options.buffer_bytes
             : std::min(options.buffer_bytes,
                        std::max(kHeadBytes, static_cast<std::size_t>(bytes) + 1));
}

}  // namespace

OpenInput::OpenInput(const CorpusOptions& options, const std::string& path, const ByteRange* range,
                     const FieldPlan& plan, RecordBuilder& builder, ByteCounters& counters)
    : options_(options),
      path_(path),
      range_(range),
      plan_(plan),
      builder_(builder),
      counters_(counters),
      unpacked_before_(counters.unpacked),
      stream_(path, counters, options.stop,
              {.long_windows = options.long_windows, .window_bytes = options.unpack_bytes / 2}),
      // Of a range's file, only the head is read here. One byte more than a line may have, so that
      // a longer one shows.
      window_(stream_, range == nullptr ? buffer_for(stream_.stored_size(), options) : kHeadBytes,
              options.max_line_bytes + 1) {}

bool OpenInput::prepare(Wait wait) {
  if (prepared_) return true;
  if (!reader_ && !open_reader(wait)) return false;
  if (!reader_->prepare(wait)) return false;
  if (range_ != nullptr) enter_range();
  return prepared_ = true;
}

std::string OpenInput::uncuttable() const {
  if (!stream_.is_regular()) return "is not a file";
  if (!stream_.is_plain()) return "is compressed";
  if (window_.is_decoded()) return "is not UTF-8 with LF line ends";
  if (format_->cut == Cut::unquoted_lines && options_.quotes) return "has fields in quotes";
  if (format_->cut == Cut::nowhere) return fmt::format("is {}", format_->name);
  return {};
}

RecordReader::Step OpenInput::next(Wait wait) {
  return prepare(wait) ? reader_->next(wait) : RecordReader::Step::blocked;
}

InputDigest OpenInput::digest() const {
  return {stream_.bytes_read(), stream_.digest(), counters_.unpacked == unpacked_before_};
}

/// The first block, or of a slow producer's what there is once a line is whole. False when
/// blocked before that.
bool OpenInput::fill_head(Wait wait, InputHead& head) {
  while (window_.view().size() < kHeadBytes && !window_.ended()) {
    const bool line = window_.view().find('\n') != std::string_view::npos;
    const auto got = window_.fill(line ? Wait::no : wait);
    if (got == ByteWindow::Fill::blocked && !line) return false;
    if (got == ByteWindow::Fill::blocked || got == ByteWindow::Fill::full) break;
  }
  head.bytes = window_.view().substr(0, std::min(kHeadBytes, options_.max_line_bytes + 1));
  head.whole = window_.ended() && head.bytes.size() == window_.view().size();
  return true;
}

bool OpenInput::open_reader(Wait wait) {
  InputHead head;
  if (!fill_head(wait, head)) return false;
  if (!examined_) {
    examined_ = true;
    format_ = binary_format_of(head, options_);
    if (format_ == nullptr) expect_text(head);
  }
  if (format_ == nullptr && !skip_byte_order_mark(window_, wait)) return false;
  if (!fill_head(wait, head)) return false;
  if (format_ == nullptr) format_ = choose_text_format(head);
  if (!options_.format.empty() && format_->name != options_.format) {
    throw Error(ExitCode::failed, "{}: is {}, not {} as --format says", stream_.name(),
                format_->name, options_.format);
  }
  ReaderContext context{window_, builder_, options_, plan_, stream_.name(), path_, head};
  if (range_ != nullptr) context.range = *range_;
  // A compressed stream's window takes the other half.
  context.unpack_bytes = stream_.is_plain() ? options_.unpack_bytes : options_.unpack_bytes / 2;
  reader_ = format_->open(context);
  return true;
}

/// Refuses what is no text, and decodes what is.
void OpenInput::expect_text(const InputHead& head) {
  const TextCoding coding = detect_coding(head.bytes);
  const ForeignKind* kind = foreign_kind_of(head.bytes);
  if (kind == nullptr && coding.encoding == Encoding::utf8) kind = binary_kind_of(head.bytes);
  if (kind != nullptr && !(kind->textual && !options_.format.empty())) {
    throw Error(ExitCode::failed, "{}", explain(*kind, stream_.name()));
  }
  if (!coding.is_plain()) window_.decode(coding);
}

const InputFormat* OpenInput::choose_text_format(const InputHead& head) {
  if (const InputFormat* asked = find_input_format(options_.format)) return asked;
  const FormatChoice choice = choose_input_format(head, path_, options_);
  if (!choice.doubt.empty() && options_.warn) {
    options_.warn(fmt::format("{}: {}", stream_.name(), choice.doubt));
  }
  return choice.format;
}

/// From the head, which told format and columns, to the range. What precedes the first record (a
/// byte order mark, a header) is passed over where the range holds it, so that the ranges' bytes
/// are together the file's.
void OpenInput::enter_range() {
  if (const std::string why = uncuttable(); !why.empty()) {
    throw Error(ExitCode::failed, "{}: {}, so it cannot be read in parts; has it changed?",
                stream_.name(), why);
  }
  ByteRange bytes = *range_;
  const std::uint64_t first_record = window_.consumed();
  if (format_->cut == Cut::row_groups) {
    bytes.end = std::min<std::uint64_t>(bytes.end, stream_.stored_size());
    bytes.begin = std::min(bytes.begin, bytes.end);
  } else {
    bytes = {stream_.line_from(bytes.begin), stream_.line_from(bytes.end)};
  }
  stream_.confine(bytes.begin, bytes.end);
  window_.restart(bytes.begin, buffer_for(bytes.end - bytes.begin, options_));
  std::uint64_t lines = 0;
  std::uint64_t left = format_->cut == Cut::row_groups ? 0
                                                       : std::min(first_record, bytes.end) -
                                                             std::min(first_record, bytes.begin);
  while (left > 0) {
    if (window_.view().empty() && window_.fill(Wait::yes) != ByteWindow::Fill::data) break;
    const std::string_view view = window_.view().substr(0, static_cast<std::size_t>(left));
    lines += count_line_ends(view);
    left -= view.size();
    window_.consume(view.size());
  }
  reader_->restart(lines + 1);
}

}  // namespace embedtool
