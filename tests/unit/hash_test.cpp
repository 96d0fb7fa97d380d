#include "core/base/hash.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace embedtool {
namespace {

// Reference value: `printf '' | xxh128sum` of xxHash 0.8.1.
TEST(Hash128, MatchesXxhsumOfNothing) {
  EXPECT_EQ(hash128("").hex(), "99aa06d3014798d86001c324468d497f");
}

TEST(Hash128, StreamEqualsWhole) {
  Hasher128 hasher;
  hasher.update("embed");
  hasher.update("tool");
  EXPECT_EQ(hasher.digest(), hash128("embedtool"));
}

TEST(Hash128, BytesAreBigEndianHex) {
  const Hash128 h = hash128("embedtool");
  std::string hex;
  for (const auto b : h.bytes()) hex += fmt::format("{:02x}", b);
  EXPECT_EQ(hex, h.hex());
}

}  // namespace
}  // namespace embedtool
