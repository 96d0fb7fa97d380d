#include "formats/parquet/parquet_bloom.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "core/base/hash.hpp"
#include "formats/parquet/thrift_compact.hpp"

namespace embedtool::parquet {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::array<std::uint32_t, 8> kSalts{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                              0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};
using Block = std::array<std::uint32_t, kSalts.size()>;
static_assert(sizeof(Block) == BloomFilter::kBlockBytes);

/// One bit in each word.
void insert(Block& block, std::uint32_t key) {
  for (std::size_t i = 0; i < kSalts.size(); ++i) block[i] |= 1U << (key * kSalts[i] >> 27U);
}

// Field numbers of parquet.thrift: BloomFilterHeader. Its three unions have one case each.
void write_header(std::size_t size, std::vector<std::byte>& bytes) {
  ThriftWriter out(bytes);
  out.begin_root();
  out.i32(1, static_cast<std::int32_t>(size));
  for (std::int16_t field = 2; field <= 4; ++field) {
    out.begin_struct(field);
    out.empty_struct(1);
    out.end_struct();
  }
  out.end_struct();
}

}  // namespace

void BloomFilter::add(std::string_view value) {
  const std::uint64_t hash = xxh64(value);
  if (hashes_.empty() || hashes_.back() != hash) hashes_.push_back(hash);
}

// Some readers take only powers of two: from 8 to 16 bits a value.
std::vector<std::byte> BloomFilter::bytes() {
  std::vector<std::byte> bytes;
  if (hashes_.empty()) return bytes;
  std::sort(hashes_.begin(), hashes_.end());
  hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
  std::vector<Block> blocks(std::bit_ceil((hashes_.size() + kBlockBytes - 1) / kBlockBytes));
  for (const std::uint64_t hash : hashes_) {
    insert(blocks[(hash >> 32U) * blocks.size() >> 32U], static_cast<std::uint32_t>(hash));
  }
  const std::size_t size = blocks.size() * sizeof(Block);
  write_header(size, bytes);
  const std::size_t start = bytes.size();
  bytes.resize(start + size);
  std::memcpy(bytes.data() + start, blocks.data(), size);
  return bytes;
}

}  // namespace embedtool::parquet
