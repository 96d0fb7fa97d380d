#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <bit>
#include <new>

#include "formats/io/bytes_unpack.hpp"

namespace embedtool {
namespace {

/// The largest window a frame may ask for: 128 MiB, what `zstd` itself accepts without --long, and
/// the bound on this stream's memory whatever the frame claims. With --long, what zstd --long=31
/// writes.
constexpr int kMaxWindowLog = 27;
constexpr int kLongWindowLog = 31;
constexpr std::size_t kLeastWindow = 1024;  // the least that a frame can ask for

/// Frames back to back, skippable frames among them (the library steps over those).
class ZstdUnpacker final : public Unpacker {
 public:
  explicit ZstdUnpacker(const UnpackOptions& options) : context_(::ZSTD_createDCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    const int own = options.long_windows ? kLongWindowLog : kMaxWindowLog;
    const auto allowed =
        static_cast<int>(std::bit_width(std::max(options.window_bytes, kLeastWindow))) - 1;
    short_of_memory_ = allowed < own;
    ::ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, std::min(own, allowed));
  }
  ~ZstdUnpacker() override { ::ZSTD_freeDCtx(context_); }
  ZstdUnpacker(const ZstdUnpacker&) = delete;
  ZstdUnpacker& operator=(const ZstdUnpacker&) = delete;

  Unpacked unpack(std::span<const char> in, std::span<char> out) override {
    if (in.empty() && complete_) return {};
    ZSTD_inBuffer source{in.data(), in.size(), 0};
    ZSTD_outBuffer target{out.data(), out.size(), 0};
    const std::size_t code = ::ZSTD_decompressStream(context_, &target, &source);
    if (::ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge) {
      if (short_of_memory_) {
        return {source.pos, target.pos, "its window takes more memory than the limit leaves",
                kRaiseMemory};
      }
      return {source.pos, target.pos, "its window is larger than 128 MiB (zstd --long made it)",
              "add --long, which takes up to 2 GiB of memory"};
    }
    if (::ZSTD_isError(code) != 0) {
      return {source.pos, target.pos, ::ZSTD_getErrorName(code), nullptr};
    }
    complete_ = code == 0;
    return {source.pos, target.pos, nullptr, nullptr};
  }

  bool complete() const override { return complete_; }

 private:
  ZSTD_DCtx* context_;
  bool short_of_memory_ = false;  ///< a window may be smaller than the format's own bound
  bool complete_ = true;
};

Compression::Match match_zstd(std::string_view head) {
  // A data frame 28 B5 2F FD, or a skippable one 5? 2A 4D 18.
  constexpr std::string_view kData = "\x28\xb5\x2f\xfd";
  constexpr std::string_view kSkippable = "\x2a\x4d\x18";
  const std::string_view seen = head.substr(0, kData.size());
  const bool data = seen == kData.substr(0, seen.size());
  const bool skippable = !seen.empty() && (seen[0] & 0xf0) == 0x50 &&
                         seen.substr(1) == kSkippable.substr(0, seen.size() - 1);
  if (!data && !skippable) return Compression::Match::no;
  return seen.size() == kData.size() ? Compression::Match::yes : Compression::Match::too_short;
}

}  // namespace

const Compression kZstd{"zstd", match_zstd,
                        [](const UnpackOptions& options) -> std::unique_ptr<Unpacker> {
                          return std::make_unique<ZstdUnpacker>(options);
                        },
                        true};

}  // namespace embedtool
