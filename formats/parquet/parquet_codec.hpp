#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "formats/parquet/parquet_metadata.hpp"

namespace embedtool::parquet {

/// Compressed pages: reads those of every codec but LZO, writes ZSTD. Contexts are reused. One
/// object per thread.
class PageCodec {
 public:
  /// `level` 1 to 19, of what is written; checked by libzstd's own bounds.
  explicit PageCodec(int level = 3);
  ~PageCodec();
  PageCodec(PageCodec&&) noexcept;
  PageCodec& operator=(PageCodec&&) noexcept;

  /// The ZSTD form, valid until the next call. Throws Error on failure (memory).
  std::span<const std::byte> compress(std::span<const std::byte> raw);
  /// Exactly `raw.size()` bytes out of a hostile page; throws Damaged otherwise.
  void decompress(Codec codec, std::span<const std::byte> packed, std::span<std::byte> raw);
  /// Throws Damaged if the page says of itself that it does not hold `size` bytes. Takes no memory;
  /// codecs whose pages do not tell pass.
  static void check_size(Codec codec, std::span<const std::byte> packed, std::size_t size);

 private:
  void unzstd(std::span<const std::byte> packed, std::span<std::byte> raw);
  void ungzip(std::span<const std::byte> packed, std::span<std::byte> raw);

  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
  std::vector<std::byte> buffer_;
};

/// Can PageCodec read it?
bool is_readable(Codec codec);

/// CRC-32 as in gzip: the value of PageHeader.crc, over the page as stored.
std::uint32_t page_crc(std::span<const std::byte> stored);

}  // namespace embedtool::parquet
