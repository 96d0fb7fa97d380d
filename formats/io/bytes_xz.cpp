#include <lzma.h>

#include <algorithm>
#include <limits>
#include <new>

#include "formats/io/bytes_unpack.hpp"

namespace embedtool {
namespace {

/// What a stream's dictionary may take: enough for xz -9 --extreme (64 MiB) twice over, and the
/// bound on this stream's memory whatever the header claims.
constexpr std::uint64_t kMaxMemory = std::uint64_t{160} << 20;

/// .xz streams back to back with their padding, all checks verified.
class XzUnpacker final : public Unpacker {
 public:
  explicit XzUnpacker(std::uint64_t memory) : short_of_memory_(memory < kMaxMemory) {
    if (::lzma_stream_decoder(&stream_, std::min(memory, kMaxMemory), LZMA_CONCATENATED) !=
        LZMA_OK) {
      throw std::bad_alloc();
    }
  }
  ~XzUnpacker() override { ::lzma_end(&stream_); }
  XzUnpacker(const XzUnpacker&) = delete;
  XzUnpacker& operator=(const XzUnpacker&) = delete;

  Unpacked unpack(std::span<const char> in, std::span<char> out) override {
    if (in.empty() && finished_) return {};
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream_.avail_out = out.size();
    const lzma_ret code = ::lzma_code(&stream_, LZMA_RUN);
    Unpacked result{in.size() - stream_.avail_in, out.size() - stream_.avail_out, nullptr, nullptr};
    switch (code) {
      case LZMA_OK:
      case LZMA_BUF_ERROR:  // only says that there was nothing to do
        break;
      case LZMA_STREAM_END:
        finished_ = true;
        break;
      case LZMA_MEM_ERROR:
        throw std::bad_alloc();
      case LZMA_MEMLIMIT_ERROR:
        result.error = short_of_memory_ ? "its dictionary takes more memory than the limit leaves"
                                        : "its dictionary is larger than 128 MiB";
        result.remedy = short_of_memory_ ? kRaiseMemory : "unpack it with xz -dc and pipe it in";
        break;
      default:
        result.error = "damaged";
    }
    return result;
  }

  /// With LZMA_CONCATENATED only the caller knows the end: ask the decoder whether it may be here.
  bool complete() const override {
    if (finished_) return true;
    lzma_stream& stream = stream_;
    std::uint8_t scratch = 0;
    stream.next_in = nullptr;
    stream.avail_in = 0;
    stream.next_out = &scratch;
    stream.avail_out = 0;
    return ::lzma_code(&stream, LZMA_FINISH) == LZMA_STREAM_END;
  }

 private:
  mutable lzma_stream stream_ = LZMA_STREAM_INIT;  ///< complete() asks it
  bool short_of_memory_;                           ///< it may take less than kMaxMemory
  bool finished_ = false;
};

Compression::Match match_xz(std::string_view head) {
  return match_magic(head, std::string_view("\xfd\x37zXZ\0", 6));
}

}  // namespace

const Compression kXz{"xz", match_xz,
                      [](const UnpackOptions& options) -> std::unique_ptr<Unpacker> {
                        return std::make_unique<XzUnpacker>(options.window_bytes);
                      },
                      true};

}  // namespace embedtool
