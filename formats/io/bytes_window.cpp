#include "formats/io/bytes_window.hpp"

#include <algorithm>
#include <cstring>

namespace embedtool {
namespace {

/// How much is read at once of a stream that is decoded.
constexpr std::size_t kStoredBytes = std::size_t{64} << 10;

}  // namespace

ByteWindow::ByteWindow(ByteStream& stream, std::size_t base, std::size_t max)
    : stream_(stream),
      base_(std::clamp<std::size_t>(base, 1, std::max<std::size_t>(max, 1))),
      max_(std::max<std::size_t>(max, 1)) {
  reallocate(base_);
}

void ByteWindow::reallocate(std::size_t capacity) {
  // make_unique_for_overwrite: untouched pages of a large buffer cost nothing.
  auto data = std::make_unique_for_overwrite<char[]>(capacity + kPadding);
  const std::size_t size = end_ - begin_;
  if (size > 0) std::memcpy(data.get(), data_.get() + begin_, size);
  data_ = std::move(data);
  capacity_ = capacity;
  begin_ = 0;
  end_ = size;
}

void ByteWindow::restart(std::uint64_t consumed, std::size_t base) {
  begin_ = end_ = 0;
  ended_ = false;
  consumed_ = consumed;
  base_ = std::clamp<std::size_t>(base, 1, max_);
  if (capacity_ != base_) reallocate(base_);
}

void ByteWindow::make_room() {
  const std::size_t size = end_ - begin_;
  // In this order: give memory back, use the room behind, use the room in front, grow.
  if (capacity_ > base_ && size <= base_ / 2) {
    reallocate(base_);  // a giant record is over
  } else if (end_ < capacity_) {
    return;
  } else if (begin_ > 0) {
    std::memmove(data_.get(), data_.get() + begin_, size);
    begin_ = 0;
    end_ = size;
  } else {
    reallocate(std::min(capacity_ * 2, max_));
  }
}

void ByteWindow::decode(TextCoding coding) {
  decoding_.emplace(Decoding{TextDecoder(coding), {}, 0, nullptr, ended_});
  decoding_->in = std::make_unique_for_overwrite<char[]>(kStoredBytes);
  decoding_->decoder.decode(view(), decoding_->ready);
  if (ended_) decoding_->decoder.finish(decoding_->ready);
  begin_ = end_ = 0;
  ended_ = false;
}

/// Puts bytes behind view(), for which there is room.
ReadResult ByteWindow::read(Wait wait) {
  if (decoding_) return read_decoded(wait);
  return stream_.read({data_.get() + end_, capacity_ - end_}, wait);
}

ReadResult ByteWindow::read_decoded(Wait wait) {
  Decoding& d = *decoding_;
  // A few bytes may decode to nothing: half a unit.
  while (d.taken == d.ready.size()) {
    d.ready.clear();
    d.taken = 0;
    if (d.ended) return {0, true};
    const ReadResult got = stream_.read({d.in.get(), kStoredBytes}, wait);
    if (got.blocked()) return got;
    d.ended = got.end;
    d.decoder.decode({d.in.get(), got.size}, d.ready);
    if (got.end) d.decoder.finish(d.ready);
  }
  const std::size_t size = std::min(capacity_ - end_, d.ready.size() - d.taken);
  std::memcpy(data_.get() + end_, d.ready.data() + d.taken, size);
  d.taken += size;
  return {size, false};
}

ByteWindow::Fill ByteWindow::fill(Wait wait) {
  if (ended_) return Fill::end;
  if (end_ - begin_ >= max_) return Fill::full;
  if (begin_ == end_) begin_ = end_ = 0;
  make_room();
  const ReadResult got = read(wait);
  end_ += got.size;
  // A newline right behind the end makes an unfinished record fail to parse, never run on.
  std::memset(data_.get() + end_, '\n', kPadding);
  if (got.blocked()) return Fill::blocked;
  ended_ = got.end;
  return got.end ? Fill::end : Fill::data;
}

/// Gives out the first `size` bytes of the view as a line that covers `taken` of them.
LineReader::Status LineReader::finish(std::string_view view, std::size_t size, std::size_t taken,
                                      std::string_view& line) {
  taken_ = taken;
  scanned_ = 0;
  ++number_;
  line = view.substr(0, std::min(size, max_line_));
  return size > max_line_ ? Status::too_long : Status::line;
}

/// Drops what is left of a line that was too long. False when blocked.
bool LineReader::skip_rest(Wait wait) {
  while (skipping_) {
    const std::string_view view = window_.view();
    const std::size_t newline = view.find('\n');
    if (newline != std::string_view::npos) {
      window_.consume(newline + 1);
      skipping_ = false;
      break;
    }
    window_.consume(view.size());
    const auto got = window_.fill(wait);
    if (got == ByteWindow::Fill::blocked) return false;
    if (got == ByteWindow::Fill::end) skipping_ = false;
  }
  return true;
}

LineReader::Status LineReader::next(Wait wait, std::string_view& line) {
  // Only now: the caller was using the bytes of the last line.
  window_.consume(taken_);
  taken_ = 0;
  if (!skip_rest(wait)) return Status::blocked;
  while (true) {
    const std::string_view view = window_.view();
    const std::size_t newline = view.find('\n', scanned_);
    if (newline != std::string_view::npos) return finish(view, newline, newline + 1, line);
    // Remembered, so that a long line that comes in small pieces is not searched over and over.
    scanned_ = view.size();
    if (view.size() > max_line_) {
      skipping_ = true;
      return finish(view, view.size(), view.size(), line);
    }
    const auto got = window_.fill(wait);
    if (got == ByteWindow::Fill::blocked) return Status::blocked;
    if (got == ByteWindow::Fill::end) {
      const std::string_view rest = window_.view();
      return rest.empty() ? Status::end : finish(rest, rest.size(), rest.size(), line);
    }
  }
}

bool skip_byte_order_mark(ByteWindow& window, Wait wait) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  while (true) {
    const std::string_view head = window.view().substr(0, kMark.size());
    if (head != kMark.substr(0, head.size())) return true;
    if (head.size() == kMark.size()) {
      window.consume(kMark.size());
      return true;
    }
    const auto got = window.fill(wait);
    if (got == ByteWindow::Fill::blocked) return false;
    if (got != ByteWindow::Fill::data) return true;  // shorter than a mark
  }
}

}  // namespace embedtool
