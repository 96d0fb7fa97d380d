#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace embedtool::parquet {

/// ZSTD pages, with contexts that are reused. One object per thread.
class PageCodec {
 public:
  /// `level` 1 to 19; checked by libzstd's own bounds.
  explicit PageCodec(int level = 3);
  ~PageCodec();
  PageCodec(PageCodec&&) noexcept;
  PageCodec& operator=(PageCodec&&) noexcept;

  /// The compressed form, valid until the next call. Throws Error on failure (memory).
  std::span<const std::byte> compress(std::span<const std::byte> raw);
  /// Exactly `raw.size()` bytes out of a hostile page; throws Damaged otherwise.
  void decompress(std::span<const std::byte> packed, std::span<std::byte> raw);
  /// The size that a page's frame declares; throws Damaged if it declares none.
  static std::uint64_t declared_size(std::span<const std::byte> packed);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
  std::vector<std::byte> buffer_;
};

/// CRC-32 as in gzip: the value of PageHeader.crc, over the page as stored.
std::uint32_t page_crc(std::span<const std::byte> stored);

}  // namespace embedtool::parquet
