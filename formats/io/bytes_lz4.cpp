#include <lz4frame.h>

#include <new>

#include "formats/io/bytes_unpack.hpp"

namespace embedtool {
namespace {

/// LZ4 frames back to back, skippable frames among them. Blocks take at most 4 MiB, as the format
/// has it.
class Lz4Unpacker final : public Unpacker {
 public:
  Lz4Unpacker() {
    if (::LZ4F_isError(::LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)) != 0) {
      throw std::bad_alloc();
    }
  }
  ~Lz4Unpacker() override { ::LZ4F_freeDecompressionContext(context_); }
  Lz4Unpacker(const Lz4Unpacker&) = delete;
  Lz4Unpacker& operator=(const Lz4Unpacker&) = delete;

  Unpacked unpack(std::span<const char> in, std::span<char> out) override {
    if (in.empty() && complete_) return {};
    std::size_t taken = in.size();
    std::size_t given = out.size();
    const std::size_t hint =
        ::LZ4F_decompress(context_, out.data(), &given, in.data(), &taken, nullptr);
    if (::LZ4F_isError(hint) != 0) return {taken, given, ::LZ4F_getErrorName(hint), nullptr};
    // 0 means that a frame is complete; a call that did nothing leaves it so.
    complete_ = hint == 0;
    return {taken, given, nullptr, nullptr};
  }

  bool complete() const override { return complete_; }

 private:
  LZ4F_dctx* context_ = nullptr;
  bool complete_ = true;
};

/// Skippable frames, which zstd has as well, are left to zstd.
Compression::Match match_lz4(std::string_view head) {
  return match_magic(head, "\x04\x22\x4d\x18");
}

}  // namespace

const Compression kLz4{"lz4", match_lz4, [](const UnpackOptions&) -> std::unique_ptr<Unpacker> {
                         return std::make_unique<Lz4Unpacker>();
                       }};

}  // namespace embedtool
