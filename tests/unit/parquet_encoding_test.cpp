#include "formats/parquet/parquet_encoding.hpp"

#include <gtest/gtest.h>

#include <random>

#include "formats/io/damaged.hpp"

namespace embedtool::parquet {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> out;
  for (const int v : values) out.push_back(static_cast<std::byte>(v));
  return out;
}

std::vector<std::byte> copy(std::span<const std::byte> s) {
  return {s.begin(), s.end()};
}

// The example of Encodings.md: three floats AABBCCDD, 00112233, A3B4C5D6 split by byte.
TEST(ByteStreamSplit, MatchesTheFormatsExample) {
  const auto floats =
      bytes_of({0xAA, 0xBB, 0xCC, 0xDD, 0x00, 0x11, 0x22, 0x33, 0xA3, 0xB4, 0xC5, 0xD6});
  std::vector<std::byte> split(floats.size());
  split_bytes(floats, 4, split);
  EXPECT_EQ(split,
            bytes_of({0xAA, 0x00, 0xA3, 0xBB, 0x11, 0xB4, 0xCC, 0x22, 0xC5, 0xDD, 0x33, 0xD6}));
  std::vector<std::byte> joined(floats.size());
  join_bytes(split, 4, joined);
  EXPECT_EQ(joined, floats);
}

TEST(BitWidth, IsThatOfTheLargestValue) {
  EXPECT_EQ(bit_width(0), 0U);
  EXPECT_EQ(bit_width(1), 1U);
  EXPECT_EQ(bit_width(2), 2U);
  EXPECT_EQ(bit_width(3), 2U);
}

// By hand: an RLE run is varint(count << 1), then the value in whole bytes.
TEST(RunEncoder, OneLongRun) {
  RunEncoder encoder(1);
  encoder.append(1, 100);
  EXPECT_EQ(copy(encoder.finish()), bytes_of({0xC8, 0x01, 0x01}));
}

// A row of 24 levels 0 1×23: the first group of 8 is packed (0 then seven 1s = 0xFE), header
// (1 group << 1 | 1) = 3; the other sixteen are a run, header 32.
TEST(RunEncoder, PackedGroupThenRun) {
  RunEncoder encoder(1);
  encoder.append(0, 1);
  encoder.append(1, 23);
  EXPECT_EQ(copy(encoder.finish()), bytes_of({0x03, 0xFE, 0x20, 0x01}));
}

// Encodings.md packs 0…7 at width 3 into 88 C6 FA; ours at width 2: 0,1,2,3 four bits pairs from
// the lowest bit up = 11 10 01 00 = 0xE4.
TEST(RunEncoder, PacksFromTheLowestBit) {
  RunEncoder encoder(2);
  for (std::uint8_t v = 0; v < 8; ++v) encoder.append(v % 4, 1);
  EXPECT_EQ(copy(encoder.finish()), bytes_of({0x03, 0xE4, 0xE4}));
  RunEncoder three(3);
  for (std::uint8_t v = 0; v < 8; ++v) three.append(v, 1);
  EXPECT_EQ(copy(three.finish()), bytes_of({0x03, 0x88, 0xC6, 0xFA}));
}

TEST(RunEncoder, PadsTheLastGroup) {
  RunEncoder encoder(1);
  encoder.append(1, 3);
  EXPECT_EQ(copy(encoder.finish()), bytes_of({0x03, 0x07}));
}

TEST(RunEncoder, RandomRunsComeBackHoweverAppended) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    const unsigned width = 1 + random() % 2;
    std::vector<std::uint8_t> values;
    while (values.size() < 300) {
      values.insert(values.end(), 1 + random() % 20,
                    static_cast<std::uint8_t>(random() % (1U << width)));
    }
    RunEncoder one(width);
    RunEncoder runs(width);
    for (std::size_t i = 0; i < values.size();) {
      std::size_t end = i;
      while (end < values.size() && values[end] == values[i]) ++end;
      runs.append(values[i], end - i);
      for (; i < end; ++i) one.append(values[i], 1);
    }
    const auto bytes = copy(one.finish());
    ASSERT_EQ(bytes, copy(runs.finish()));
    RunDecoder decoder(bytes, width);
    for (const std::uint8_t v : values) ASSERT_EQ(decoder.next(), v);
  }
}

TEST(RunDecoder, RefusesWhatEndsEarly) {
  EXPECT_THROW(RunDecoder({}, 1).next(), Damaged);
  const auto no_value = bytes_of({0x02});
  EXPECT_THROW(RunDecoder(no_value, 1).next(), Damaged);
  // 2^31 packed groups are said to follow, of which there is one byte: 8 values.
  const auto huge = bytes_of({0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x00});
  RunDecoder cut(huge, 1);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(cut.next(), 0U);
  EXPECT_THROW(cut.next(), Damaged);
  const auto empty_run = bytes_of({0x00, 0x01});
  EXPECT_THROW(RunDecoder(empty_run, 1).next(), Damaged);
  const auto endless = bytes_of({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80});
  EXPECT_THROW(RunDecoder(endless, 1).next(), Damaged);
}

}  // namespace
}  // namespace embedtool::parquet
