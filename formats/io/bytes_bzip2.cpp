#include <bzlib.h>

#include <algorithm>
#include <limits>
#include <new>

#include "formats/io/bytes_unpack.hpp"

namespace embedtool {
namespace {

/// bzip2 streams back to back, as pbzip2 and cat(1) make them.
class Bzip2Unpacker final : public Unpacker {
 public:
  Bzip2Unpacker() = default;
  ~Bzip2Unpacker() override {
    if (open_) ::BZ2_bzDecompressEnd(&stream_);
  }
  Bzip2Unpacker(const Bzip2Unpacker&) = delete;
  Bzip2Unpacker& operator=(const Bzip2Unpacker&) = delete;

  Unpacked unpack(std::span<const char> in, std::span<char> out) override {
    if (!open_) {
      if (in.empty()) return {};
      stream_ = {};
      if (::BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) throw std::bad_alloc();
      open_ = true;
    }
    constexpr std::size_t kMost = std::numeric_limits<unsigned>::max();
    const auto in_size = static_cast<unsigned>(std::min(in.size(), kMost));
    const auto out_size = static_cast<unsigned>(std::min(out.size(), kMost));
    stream_.next_in = const_cast<char*>(in.data());
    stream_.avail_in = in_size;
    stream_.next_out = out.data();
    stream_.avail_out = out_size;
    const int code = ::BZ2_bzDecompress(&stream_);
    Unpacked result{in_size - stream_.avail_in, out_size - stream_.avail_out, nullptr, nullptr};
    if (code == BZ_STREAM_END) {
      ::BZ2_bzDecompressEnd(&stream_);
      open_ = false;
    } else if (code == BZ_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (code != BZ_OK) {
      result.error = code == BZ_DATA_ERROR_MAGIC ? "no bzip2 header" : "damaged";
    }
    return result;
  }

  bool complete() const override { return !open_; }

 private:
  bz_stream stream_{};
  bool open_ = false;  ///< inside a stream
};

/// "BZh", a block size, and the number that begins a block or ends the stream.
Compression::Match match_bzip2(std::string_view head) {
  using Match = Compression::Match;
  const Match start = match_magic(head, "BZh");
  if (start != Match::yes) return start;
  if (head.size() < 10) {
    return head.size() > 3 && (head[3] < '1' || head[3] > '9') ? Match::no : Match::too_short;
  }
  const std::string_view number = head.substr(4, 6);
  const bool known = number == "1AY&SY" || number == "\x17\x72\x45\x38\x50\x90";
  return known && head[3] >= '1' && head[3] <= '9' ? Match::yes : Match::no;
}

}  // namespace

const Compression kBzip2{"bzip2", match_bzip2,
                         [](const UnpackOptions&) -> std::unique_ptr<Unpacker> {
                           return std::make_unique<Bzip2Unpacker>();
                         }};

}  // namespace embedtool
