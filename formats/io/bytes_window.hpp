#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "formats/io/bytes.hpp"

namespace embedtool {

/// A recycled, contiguous buffer over the unread bytes of a stream, so that a record can be parsed
/// in place. Starts at `base` bytes, doubles for a long record up to `max` and shrinks back
/// afterwards. Not thread-safe.
class ByteWindow {
 public:
  /// This many bytes after view() are readable, and are newlines or bytes of the stream: parsers
  /// that read in blocks may run over the end.
  static constexpr std::size_t kPadding = 64;

  enum class Fill { data, blocked, end, full };

  /// `stream` must outlive the window; base and max are at least 1.
  ByteWindow(ByteStream& stream, std::size_t base, std::size_t max);

  /// The unread bytes held. Invalidated by fill().
  std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t size) { begin_ += size; }
  /// Reads more bytes after view(). `full`: it already holds `max` bytes. `blocked`: see
  /// ReadResult.
  Fill fill(Wait wait);
  /// True once fill() has reported the end.
  bool ended() const { return ended_; }

 private:
  void make_room();
  void reallocate(std::size_t capacity);

  ByteStream& stream_;
  std::size_t base_;
  std::size_t max_;
  std::size_t capacity_ = 0;
  std::unique_ptr<char[]> data_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
};

/// Takes lines off a window: '\n' ends one, a '\r' before it is kept (formats differ), and the last
/// one needs no line end. Lines over the limit are reported once, with their beginning, and skipped
/// with bounded memory.
class LineReader {
 public:
  enum class Status { line, too_long, blocked, end };

  LineReader(ByteWindow& window, std::size_t max_line) : window_(window), max_line_(max_line) {}

  /// `line` stays valid until the next call and is followed by ByteWindow::kPadding readable bytes.
  Status next(Wait wait, std::string_view& line);
  /// 1-based number of the line that next() returned last.
  std::uint64_t number() const { return number_; }

 private:
  Status finish(std::string_view view, std::size_t size, std::size_t taken, std::string_view& line);
  bool skip_rest(Wait wait);

  ByteWindow& window_;
  std::size_t max_line_;
  std::uint64_t number_ = 0;
  std::size_t taken_ = 0;    ///< bytes of the window that the last line covers
  std::size_t scanned_ = 0;  ///< bytes of the window known to hold no newline
  bool skipping_ = false;    ///< inside a line that was too long
};

/// Skips a UTF-8 byte order mark at the start of a stream. False when blocked before it is clear
/// whether there is one: call again.
bool skip_byte_order_mark(ByteWindow& window, Wait wait);

}  // namespace embedtool
