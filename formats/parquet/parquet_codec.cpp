#include "formats/parquet/parquet_codec.hpp"

#include <zlib.h>
#include <zstd.h>

#include <new>

#include "core/base/error.hpp"
#include "formats/io/damaged.hpp"

namespace embedtool::parquet {

struct PageCodec::Contexts {
  ZSTD_CCtx* compressor = nullptr;
  ZSTD_DCtx* decompressor = nullptr;
  int level = 0;

  Contexts() = default;
  Contexts(const Contexts&) = delete;
  Contexts& operator=(const Contexts&) = delete;
  ~Contexts() {
    ZSTD_freeCCtx(compressor);
    ZSTD_freeDCtx(decompressor);
  }
};

// Contexts are made at the first use: a writer never unpacks, and a reader never packs.
PageCodec::PageCodec(int level) : contexts_(std::make_unique<Contexts>()) {
  contexts_->level = level;
}
PageCodec::~PageCodec() = default;
PageCodec::PageCodec(PageCodec&&) noexcept = default;
PageCodec& PageCodec::operator=(PageCodec&&) noexcept = default;

std::span<const std::byte> PageCodec::compress(std::span<const std::byte> raw) {
  if (contexts_->compressor == nullptr) contexts_->compressor = ZSTD_createCCtx();
  if (contexts_->compressor == nullptr) throw std::bad_alloc();
  // The buffer grows to the largest page and stays.
  const std::size_t bound = ZSTD_compressBound(raw.size());
  if (buffer_.size() < bound) buffer_.resize(bound);
  const std::size_t size = ZSTD_compressCCtx(contexts_->compressor, buffer_.data(), buffer_.size(),
                                             raw.data(), raw.size(), contexts_->level);
  if (ZSTD_isError(size) != 0) {
    throw Error(ExitCode::failed, "zstd cannot compress {} bytes: {}", raw.size(),
                ZSTD_getErrorName(size));
  }
  return {buffer_.data(), size};
}

void PageCodec::decompress(std::span<const std::byte> packed, std::span<std::byte> raw) {
  if (contexts_->decompressor == nullptr) contexts_->decompressor = ZSTD_createDCtx();
  if (contexts_->decompressor == nullptr) throw std::bad_alloc();
  // The output is a fixed span: a frame that holds more than it declared stops at its end.
  const std::size_t size = ZSTD_decompressDCtx(contexts_->decompressor, raw.data(), raw.size(),
                                               packed.data(), packed.size());
  if (ZSTD_isError(size) != 0 || size != raw.size()) throw Damaged("a page cannot be decompressed");
}

std::uint64_t PageCodec::declared_size(std::span<const std::byte> packed) {
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR) {
    throw Damaged("a page is not a ZSTD frame of known size");
  }
  return size;
}

std::uint32_t page_crc(std::span<const std::byte> stored) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(stored.data()), stored.size()));
}

}  // namespace embedtool::parquet
