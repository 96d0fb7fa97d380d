#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

#include "formats/io/bytes_unpack.hpp"

namespace embedtool {
namespace {

/// RFC 1952 members back to back; NUL padding after the last one (tapes, block devices) is skipped.
class GzipUnpacker final : public Unpacker {
 public:
  GzipUnpacker() {
    // 15 window bits, +16: gzip framing only, so that the CRC and length of each member are
    // checked.
    if (::inflateInit2(&stream_, 15 + 16) != Z_OK) throw std::bad_alloc();
  }
  ~GzipUnpacker() override { ::inflateEnd(&stream_); }
  GzipUnpacker(const GzipUnpacker&) = delete;
  GzipUnpacker& operator=(const GzipUnpacker&) = delete;

  Unpacked unpack(std::span<const char> in, std::span<char> out) override {
    if (in.empty() && between_members_) return {};
    if (between_members_ && started_) {
      // Behind a whole member: zeros up to the end, or the next member (whose header inflate
      // checks).
      if (in.front() == '\0') padding_ = true;
      if (padding_) return skip_padding(in);
      ::inflateReset(&stream_);
    }
    started_ = true;
    between_members_ = false;
    return inflate_some(in, out);
  }

  bool complete() const override { return between_members_; }

 private:
  static Unpacked skip_padding(std::span<const char> in) {
    const auto nul = [](char c) { return c == '\0'; };
    if (!std::all_of(in.begin(), in.end(), nul)) return {0, 0, "garbage after the gzip data"};
    return {in.size(), 0, nullptr};
  }

  Unpacked inflate_some(std::span<const char> in, std::span<char> out) {
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
    const auto in_size = static_cast<uInt>(std::min(in.size(), kMost));
    const auto out_size = static_cast<uInt>(std::min(out.size(), kMost));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = in_size;
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = out_size;
    const int code = ::inflate(&stream_, Z_NO_FLUSH);
    between_members_ = code == Z_STREAM_END;
    Unpacked result{in_size - stream_.avail_in, out_size - stream_.avail_out, nullptr};
    // Z_BUF_ERROR only says that there was nothing to do.
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      result.error = stream_.msg != nullptr ? stream_.msg : "damaged";
    }
    return result;
  }

  z_stream stream_{};
  bool started_ = false;
  bool between_members_ = true;
  bool padding_ = false;
};

Compression::Match match_gzip(std::string_view head) {
  return match_magic(head, "\x1f\x8b");
}

}  // namespace

const Compression kGzip{"gzip", match_gzip, [](const UnpackOptions&) -> std::unique_ptr<Unpacker> {
                          return std::make_unique<GzipUnpacker>();
                        }};

}  // namespace embedtool
