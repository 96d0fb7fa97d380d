#include "tests/support/packing.hpp"

#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <stdexcept>

namespace embedtool::testing {

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  if (::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("deflateInit2");
  }
  std::string packed(::deflateBound(&stream, bytes.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int code = ::deflate(&stream, Z_FINISH);
  packed.resize(packed.size() - stream.avail_out);
  ::deflateEnd(&stream);
  if (code != Z_STREAM_END) throw std::runtime_error("deflate");
  return packed;
}

std::string zstd(std::string_view bytes, int window_log) {
  ZSTD_CCtx* context = ::ZSTD_createCCtx();
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  if (window_log > 0) {
    ::ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    ::ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  }
  std::string packed(::ZSTD_compressBound(bytes.size()), '\0');
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer out{packed.data(), packed.size(), 0};
  // Piecewise, so that a large window is not shrunk to the known size of the content.
  ::ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue);
  const std::size_t left = ::ZSTD_compressStream2(context, &out, &in, ZSTD_e_end);
  ::ZSTD_freeCCtx(context);
  if (left != 0) throw std::runtime_error("ZSTD_compressStream2");
  packed.resize(out.pos);
  return packed;
}

std::string zstd_skippable(std::string_view bytes) {
  std::string frame("\x53\x2a\x4d\x18", 4);
  for (int i = 0; i < 4; ++i) frame += static_cast<char>((bytes.size() >> (8 * i)) & 0xff);
  return frame + std::string(bytes);
}

std::string bzip2(std::string_view bytes) {
  std::string packed(bytes.size() + bytes.size() / 100 + 700, '\0');
  auto size = static_cast<unsigned>(packed.size());
  const int code = ::BZ2_bzBuffToBuffCompress(packed.data(), &size, const_cast<char*>(bytes.data()),
                                              static_cast<unsigned>(bytes.size()), 1, 0, 0);
  if (code != BZ_OK) throw std::runtime_error("BZ2_bzBuffToBuffCompress");
  packed.resize(size);
  return packed;
}

std::string xz(std::string_view bytes, std::uint32_t preset) {
  std::string packed(::lzma_stream_buffer_bound(bytes.size()), '\0');
  std::size_t size = 0;
  const lzma_ret code = ::lzma_easy_buffer_encode(
      preset, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const std::uint8_t*>(bytes.data()),
      bytes.size(), reinterpret_cast<std::uint8_t*>(packed.data()), &size, packed.size());
  if (code != LZMA_OK) throw std::runtime_error("lzma_easy_buffer_encode");
  packed.resize(size);
  return packed;
}

std::string lz4(std::string_view bytes) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  std::string packed(::LZ4F_compressFrameBound(bytes.size(), &preferences), '\0');
  const std::size_t size =
      ::LZ4F_compressFrame(packed.data(), packed.size(), bytes.data(), bytes.size(), &preferences);
  if (::LZ4F_isError(size) != 0) throw std::runtime_error("LZ4F_compressFrame");
  packed.resize(size);
  return packed;
}

}  // namespace embedtool::testing
