#include "formats/parquet/parquet_codec.hpp"

#include <brotli/decode.h>
#include <libdeflate.h>
#include <lz4.h>
#include <snappy.h>
#define ZSTD_STATIC_LINKING_ONLY  // for ZSTD_c_literalCompressionMode
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "core/base/error.hpp"
#include "formats/io/damaged.hpp"

namespace embedtool::parquet {
namespace {

constexpr const char* kNotUnpacked = "a page cannot be decompressed";

const char* chars(std::span<const std::byte> bytes) {
  return reinterpret_cast<const char*>(bytes.data());
}
char* chars(std::span<std::byte> bytes) {
  return reinterpret_cast<char*>(bytes.data());
}

bool unsnappy(std::span<const std::byte> packed, std::span<std::byte> raw) {
  std::size_t size = 0;
  return snappy::GetUncompressedLength(chars(packed), packed.size(), &size) && size == raw.size() &&
         snappy::RawUncompress(chars(packed), packed.size(), chars(raw));
}

bool unbrotli(std::span<const std::byte> packed, std::span<std::byte> raw) {
  std::size_t size = raw.size();
  const auto result =
      ::BrotliDecoderDecompress(packed.size(), reinterpret_cast<const std::uint8_t*>(packed.data()),
                                &size, reinterpret_cast<std::uint8_t*>(raw.data()));
  return result == BROTLI_DECODER_RESULT_SUCCESS && size == raw.size();
}

bool unlz4(std::span<const std::byte> packed, std::span<std::byte> raw) {
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  if (packed.size() > kMost || raw.size() > kMost) return false;
  const int size = ::LZ4_decompress_safe(chars(packed), chars(raw), static_cast<int>(packed.size()),
                                         static_cast<int>(raw.size()));
  return size >= 0 && static_cast<std::size_t>(size) == raw.size();
}

std::size_t big_endian(std::span<const std::byte> bytes) {
  std::size_t value = 0;
  for (const std::byte b : bytes.first(4)) value = value << 8 | std::to_integer<std::size_t>(b);
  return value;
}

/// Hadoop's framing: blocks, each headed by its unpacked and its packed size (big-endian). Some
/// writers have put a block without framing under the same codec.
bool unlz4_hadoop(std::span<const std::byte> packed, std::span<std::byte> raw) {
  std::span<const std::byte> in = packed;
  std::span<std::byte> out = raw;
  while (in.size() >= 8) {
    const std::size_t unpacked = big_endian(in);
    const std::size_t size = big_endian(in.subspan(4));
    if (size > in.size() - 8 || unpacked > out.size()) break;
    if (!unlz4(in.subspan(8, size), out.first(unpacked))) break;
    in = in.subspan(8 + size);
    out = out.subspan(unpacked);
  }
  return (in.empty() && out.empty()) || unlz4(packed, raw);
}

}  // namespace

struct PageCodec::Contexts {
  ZSTD_CCtx* compressor = nullptr;
  ZSTD_DCtx* decompressor = nullptr;
  libdeflate_decompressor* inflater = nullptr;
  int level = 0;

  Contexts() = default;
  Contexts(const Contexts&) = delete;
  Contexts& operator=(const Contexts&) = delete;
  ~Contexts() {
    ZSTD_freeCCtx(compressor);
    ZSTD_freeDCtx(decompressor);
    libdeflate_free_decompressor(inflater);
  }
};

// Contexts are made at the first use: a writer never unpacks, and a reader never packs.
PageCodec::PageCodec(int level) : contexts_(std::make_unique<Contexts>()) {
  contexts_->level = level;
}
PageCodec::~PageCodec() = default;
PageCodec::PageCodec(PageCodec&&) noexcept = default;
PageCodec& PageCodec::operator=(PageCodec&&) noexcept = default;

std::span<const std::byte> PageCodec::compress(std::span<const std::byte> raw, Packing packing) {
  if (packing == Packing::none) return raw;
  ZSTD_CCtx*& context = contexts_->compressor;
  if (context == nullptr) context = ZSTD_createCCtx();
  if (context == nullptr) throw std::bad_alloc();
  // Fast levels leave literals as they are, unless told not to.
  constexpr int kNoSearch = -100;
  constexpr int kHuffman = 1;
  const bool entropy = packing == Packing::zstd_entropy;
  ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, entropy ? kNoSearch : contexts_->level);
  if (entropy) ZSTD_CCtx_setParameter(context, ZSTD_c_literalCompressionMode, kHuffman);
  // The buffer grows to the largest page and stays.
  const std::size_t bound = ZSTD_compressBound(raw.size());
  if (buffer_.size() < bound) buffer_.resize(bound);
  const std::size_t size =
      ZSTD_compress2(context, buffer_.data(), buffer_.size(), raw.data(), raw.size());
  if (ZSTD_isError(size) != 0) {
    throw Error(ExitCode::failed, "zstd cannot compress {} bytes: {}", raw.size(),
                ZSTD_getErrorName(size));
  }
  return {buffer_.data(), size};
}

void PageCodec::unzstd(std::span<const std::byte> packed, std::span<std::byte> raw) {
  if (contexts_->decompressor == nullptr) contexts_->decompressor = ZSTD_createDCtx();
  if (contexts_->decompressor == nullptr) throw std::bad_alloc();
  // The output is a fixed span: a frame that holds more than it declared stops at its end.
  const std::size_t size = ZSTD_decompressDCtx(contexts_->decompressor, raw.data(), raw.size(),
                                               packed.data(), packed.size());
  require(ZSTD_isError(size) == 0 && size == raw.size(), kNotUnpacked);
}

/// A page is one gzip member, or several one after the other. Whole buffers are what libdeflate is
/// for: it takes half of zlib's time.
void PageCodec::ungzip(std::span<const std::byte> packed, std::span<std::byte> raw) {
  if (contexts_->inflater == nullptr) contexts_->inflater = libdeflate_alloc_decompressor();
  if (contexts_->inflater == nullptr) throw std::bad_alloc();
  do {
    std::size_t consumed = 0;
    std::size_t produced = 0;
    const libdeflate_result result =
        libdeflate_gzip_decompress_ex(contexts_->inflater, packed.data(), packed.size(), raw.data(),
                                      raw.size(), &consumed, &produced);
    require(result == LIBDEFLATE_SUCCESS, kNotUnpacked);
    packed = packed.subspan(consumed);
    raw = raw.subspan(produced);
  } while (!packed.empty());
  require(raw.empty(), kNotUnpacked);
}

void PageCodec::decompress(Codec codec, std::span<const std::byte> packed,
                           std::span<std::byte> raw) {
  bool good = false;
  switch (codec) {
    case Codec::none:
      good = packed.size() == raw.size();
      if (good) std::copy(packed.begin(), packed.end(), raw.begin());
      break;
    case Codec::snappy:
      good = unsnappy(packed, raw);
      break;
    case Codec::gzip:
      return ungzip(packed, raw);
    case Codec::brotli:
      good = unbrotli(packed, raw);
      break;
    case Codec::lz4_hadoop:
      good = unlz4_hadoop(packed, raw);
      break;
    case Codec::lz4_raw:
      good = unlz4(packed, raw);
      break;
    case Codec::zstd:
      return unzstd(packed, raw);
    case Codec::lzo:
      break;
  }
  require(good, kNotUnpacked);
}

void PageCodec::check_size(Codec codec, std::span<const std::byte> packed, std::size_t size) {
  constexpr const char* kWhat = "a page's size does not match its header";
  if (codec == Codec::none) require(packed.size() == size, kWhat);
  if (codec != Codec::zstd) return;
  const unsigned long long declared = ZSTD_getFrameContentSize(packed.data(), packed.size());
  require(declared != ZSTD_CONTENTSIZE_ERROR, "a page is not a ZSTD frame");
  // A stream of frames says how long its first one is.
  require(declared == ZSTD_CONTENTSIZE_UNKNOWN || declared <= size, kWhat);
}

bool is_readable(Codec codec) {
  return codec >= Codec::none && codec <= Codec::lz4_raw && codec != Codec::lzo;
}

std::uint32_t page_crc(std::span<const std::byte> stored, std::uint32_t before) {
  return libdeflate_crc32(before, stored.data(), stored.size());
}

}  // namespace embedtool::parquet
