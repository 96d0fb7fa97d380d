#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "formats/io/bytes.hpp"
#include "formats/io/text_decoder.hpp"

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
  void consume(std::size_t size) {
    begin_ += size;
    consumed_ += size;
  }
  /// Bytes before view(), since the start of the stream (as decoded).
  std::uint64_t consumed() const { return consumed_; }
  /// Reads more bytes after view(). `full`: it already holds `max` bytes. `blocked`: see
  /// ReadResult.
  Fill fill(Wait wait);
  /// True once fill() has reported the end.
  bool ended() const { return ended_; }

  /// Drops what it holds and takes `base` for the constructor's: the stream was confined to other
  /// bytes, the first of which is byte `consumed`.
  void restart(std::uint64_t consumed, std::size_t base);
  bool is_decoded() const { return decoding_.has_value(); }

  /// Reads the stream as text in that coding, from view() on. Invalidates view(), which is then
  /// empty: call fill(). Call once at most, before anything but whole marks has been consumed.
  void decode(TextCoding coding);

 private:
  /// Stored bytes on their way to UTF-8.
  struct Decoding {
    TextDecoder decoder;
    std::string ready;           ///< decoded, not yet in the window
    std::size_t taken = 0;       ///< of `ready`
    std::unique_ptr<char[]> in;  ///< as stored
    bool ended = false;
  };

  void make_room();
  void reallocate(std::size_t capacity);
  ReadResult read(Wait wait);
  ReadResult read_decoded(Wait wait);

  ByteStream& stream_;
  std::size_t base_;
  std::size_t max_;
  std::size_t capacity_ = 0;
  std::unique_ptr<char[]> data_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
  std::uint64_t consumed_ = 0;
  std::optional<Decoding> decoding_;
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
