#include "formats/parquet/parquet_bloom.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "core/base/hash.hpp"

namespace embedtool::parquet {
namespace {

/// What a reader does with a stored filter, by BloomFilter.md.
class StoredFilter {
 public:
  explicit StoredFilter(const std::vector<std::byte>& bytes) {
    // The header: a size, and three unions that have one case each.
    constexpr std::size_t kUnions = 3 * 4 + 1;
    std::size_t at = 0;
    EXPECT_EQ(bytes[at++], std::byte{0x15});
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<std::size_t>(bytes[at++]);
      size_ |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    size_ /= 2;  // zigzag
    EXPECT_EQ(bytes.size(), at + kUnions + size_);
    words_.resize(size_ / 4);
    std::memcpy(words_.data(), bytes.data() + at + kUnions, size_);
  }

  std::size_t size() const { return size_; }
  bool may_have(std::string_view value) const {
    constexpr std::uint32_t kSalts[] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                        0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};
    const std::uint64_t hash = xxh64(value);
    const std::uint64_t block = ((hash >> 32U) * (size_ / 32)) >> 32U;
    for (std::size_t i = 0; i < 8; ++i) {
      const std::uint32_t bit = (static_cast<std::uint32_t>(hash) * kSalts[i]) >> 27U;
      if ((words_[8 * block + i] >> bit & 1U) == 0) return false;
    }
    return true;
  }

 private:
  std::size_t size_ = 0;
  std::vector<std::uint32_t> words_;
};

TEST(Bloom, HashesAsXxh64Does) {
  EXPECT_EQ(xxh64(""), 0xef46db3751d8e999U);  // xxHash's own specification
  EXPECT_EQ(xxh64("abc"), 0x44bc2cf5ad770999U);
}

TEST(Bloom, HasEveryValueAndFewOthers) {
  for (const std::size_t count : {1U, 31U, 32U, 33U, 5000U, 16384U}) {
    BloomFilter filter;
    for (std::size_t i = 0; i < count; ++i) filter.add("id " + std::to_string(i));
    const StoredFilter stored(filter.bytes());
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_TRUE(stored.may_have("id " + std::to_string(i))) << i << " of " << count;
    }
    std::size_t wrong = 0;
    for (int i = 0; i < 10000; ++i) wrong += stored.may_have("other " + std::to_string(i)) ? 1 : 0;
    EXPECT_LT(wrong, 400U) << count;
    EXPECT_GE(stored.size(), count);
    EXPECT_LT(stored.size(), 2 * std::max<std::size_t>(count, 32));
    EXPECT_EQ(stored.size() & (stored.size() - 1), 0U) << "a power of two";
  }
}

TEST(Bloom, CountsEqualValuesOnce) {
  BloomFilter once;
  BloomFilter often;
  for (int i = 0; i < 1000; ++i) {
    if (i < 10) once.add(std::to_string(i));
    often.add(std::to_string(i % 10));
  }
  EXPECT_EQ(once.bytes(), often.bytes());
  often.clear();
  EXPECT_TRUE(often.bytes().empty());
}

}  // namespace
}  // namespace embedtool::parquet
