#include "formats/parquet/parquet_values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "formats/columns/column_rows.hpp"
#include "formats/io/damaged.hpp"
#include "formats/parquet/parquet_codec.hpp"

namespace embedtool::parquet {
namespace {

using ::testing::ElementsAre;

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> out;
  for (const int v : values) out.push_back(static_cast<std::byte>(v));
  return out;
}

std::vector<std::byte> operator+(std::vector<std::byte> a, std::string_view text) {
  for (const char c : text) a.push_back(static_cast<std::byte>(c));
  return a;
}

ValueType type_of(Physical physical, std::int32_t length = 0) {
  SchemaElement leaf;
  leaf.type = physical;
  leaf.type_length = length;
  return value_type(leaf);
}

std::vector<std::string> decode(Encoding encoding, const ValueType& type,
                                const std::vector<std::byte>& bytes, int count,
                                const Dictionary* dictionary = nullptr) {
  ValueDecoder decoder;
  decoder.open(encoding, type, bytes, dictionary);
  std::vector<std::string> values;
  for (int i = 0; i < count; ++i) values.emplace_back(decoder.next());
  return values;
}

std::string int32_bytes(std::int32_t value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// Encodings.md's first example: 1, 2, 3, 4, 5 are blocks of 128 in 4 miniblocks, 5 values, the
// first 1 (zigzag 2), smallest difference 1 (zigzag 2), bit widths 0 0 0 0.
TEST(DeltaDecoder, ReadsTheDocumentedExamples) {
  const auto rising = bytes_of({0x80, 1, 4, 5, 2, 2, 0, 0, 0, 0});
  DeltaDecoder decoder(rising);
  EXPECT_EQ(decoder.end(), rising.size());
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(decoder.next(), i);
  EXPECT_THROW(decoder.next(), Damaged);
  // The second: 7, 5, 3, 1, 2, 3, 4, 5; differences -2 -2 -2 1 1 1 1, smallest -2 (zigzag 3), above
  // it 0 0 0 3 3 3 3 in 2 bits.
  auto mixed = bytes_of({0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0xC0, 0x3F});
  mixed.resize(mixed.size() + 6);  // a miniblock of 32 values in 2 bits takes 8 bytes
  DeltaDecoder second(mixed);
  EXPECT_EQ(second.end(), mixed.size());
  for (const int v : {7, 5, 3, 1, 2, 3, 4, 5}) EXPECT_EQ(second.next(), v);
}

TEST(DeltaDecoder, ReadsDifferencesOf64BitsThatWrapAround) {
  // First 0; one difference of 2^63 - 1, stored as it is above a smallest one of 0.
  auto bytes = bytes_of({8, 1, 3, 0, 0, 64, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 1});
  bytes.resize(bytes.size() + 7 + 6 * 8);
  DeltaDecoder decoder(bytes);
  EXPECT_EQ(decoder.next(), 0);
  EXPECT_EQ(decoder.next(), INT64_MAX);
  EXPECT_EQ(decoder.next(), INT64_MIN);
}

TEST(DeltaDecoder, BillionsOfValuesInAFewBytesTakeNoMemory) {
  // 2^40 values in blocks of 2^31 values and width 0: the second block is missing.
  const auto bytes =
      bytes_of({0x80, 0x80, 0x80, 0x80, 8, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0, 0, 0});
  DeltaDecoder decoder(bytes);
  EXPECT_EQ(decoder.next(), 0);
  EXPECT_EQ(decoder.next(), 0);
  EXPECT_THROW(decoder.end(), Damaged);
}

TEST(DeltaDecoder, RefusesImpossibleBlocks) {
  for (const auto& bytes : {bytes_of({0, 1, 1, 0}), bytes_of({8, 0, 1, 0}), bytes_of({8, 3, 1, 0}),
                            bytes_of({0x80}), bytes_of({})}) {
    EXPECT_THROW(DeltaDecoder{bytes}, Damaged);
  }
}

TEST(ValueDecoder, ReadsStringsByTheirLengths) {
  // Lengths 2, 0, 3, then the bytes: one block of 8 in one miniblock, first 2 (zigzag 4);
  // differences -2 and 3, smallest -2 (zigzag 3), above it 0 and 5 in 3 bits.
  const auto bytes = bytes_of({8, 1, 3, 4, 3, 3, 0x28, 0, 0}) + "abxyz";
  const auto type = type_of(Physical::byte_array);
  EXPECT_THAT(decode(Encoding::delta_length_byte_array, type, bytes, 3),
              ElementsAre("ab", "", "xyz"));
  EXPECT_THROW(decode(Encoding::delta_length_byte_array, type, bytes, 4), Damaged);
}

TEST(ValueDecoder, ReadsStringsByWhatTheyShareWithTheLast) {
  // axis, axle, babble, babyhood (Encodings.md). Prefixes 0 2 0 3: differences 2 -2 3, above -2
  // they are 4 0 5, in 3 bits 0x144. Lengths of the suffixes 4 2 6 5: differences -2 4 -1, above -2
  // they are 0 6 1, in 3 bits 0x70.
  const auto bytes = bytes_of({8, 1, 4, 0, 3, 3, 0x44, 1, 0, 8, 1, 4, 8, 3, 3, 0x70, 0, 0});
  EXPECT_THAT(decode(Encoding::delta_byte_array, type_of(Physical::byte_array),
                     bytes + "axislebabbleyhood", 4),
              ElementsAre("axis", "axle", "babble", "babyhood"));
  // The second string cannot begin with two bytes of a first one that has one.
  EXPECT_THROW(decode(Encoding::delta_byte_array, type_of(Physical::byte_array),
                      bytes_of({8, 1, 2, 0, 4, 0, 8, 1, 2, 2, 0, 0}) + "ab", 2),
               Damaged);
}

TEST(ValueDecoder, ReadsNumbersWhoseBytesAreSplit) {
  const auto bytes = bytes_of({1, 2, 0, 0, 0, 0, 0, 0x80});
  EXPECT_THAT(decode(Encoding::byte_stream_split, type_of(Physical::int32), bytes, 2),
              ElementsAre(int32_bytes(1), int32_bytes(INT32_MIN + 2)));
  EXPECT_THROW(decode(Encoding::byte_stream_split, type_of(Physical::int64), bytes, 2), Damaged);
}

TEST(ValueDecoder, ReadsBooleansAsBitsAndAsRuns) {
  const auto type = type_of(Physical::boolean);
  const std::string no(1, '\0');
  const std::string yes(1, '\1');
  EXPECT_THAT(decode(Encoding::plain, type, bytes_of({0x05}), 4), ElementsAre(yes, no, yes, no));
  EXPECT_THAT(decode(Encoding::rle, type, bytes_of({2, 0, 0, 0, 6, 1}), 3),
              ElementsAre(yes, yes, yes));
  EXPECT_THROW(decode(Encoding::plain, type, bytes_of({0x05}), 9), Damaged);
}

TEST(ValueDecoder, LooksValuesUpInADictionary) {
  const auto page = bytes_of({1, 0, 0, 0, 'a', 2, 0, 0, 0, 'b', 'c'});
  const auto type = type_of(Physical::byte_array);
  Dictionary dictionary;
  dictionary.open(page, 2, type);
  // Two bits a number: a run of three 1, then 0 1 2 0 in a packed group whose padding is cut.
  const auto bytes = bytes_of({2, 6, 1, 3, 0x24});
  EXPECT_THAT(decode(Encoding::rle_dictionary, type, bytes, 5, &dictionary),
              ElementsAre("bc", "bc", "bc", "a", "bc"));
  EXPECT_THROW(decode(Encoding::rle_dictionary, type, bytes, 6, &dictionary), Damaged);
  EXPECT_THROW(dictionary.open(page, 3, type), Damaged);
  EXPECT_THROW(decode(Encoding::rle_dictionary, type, bytes, 1), Damaged);
}

TEST(ValueDecoder, RefusesEncodingsThatDoNotGoWithTheType) {
  EXPECT_THROW(decode(Encoding::delta_binary_packed, type_of(Physical::float32), {}, 0),
               Unsupported);
  EXPECT_THROW(decode(Encoding::byte_stream_split, type_of(Physical::byte_array), {}, 0),
               Unsupported);
  EXPECT_THROW(decode(static_cast<Encoding>(10), type_of(Physical::int32), {}, 0), Unsupported);
}

TEST(RunDecoder, ReadsWideNumbersAndNumbersOfNoBits) {
  // 20 bits: a run of two 0x12345, then 8 in 20 bytes, of which the first two are 1 and 0xFFFFF.
  auto bytes = bytes_of({4, 0x45, 0x23, 0x01, 3, 0x01, 0x00, 0xF0, 0xFF, 0xFF});
  bytes.resize(5 + 20);
  RunDecoder wide(bytes, 20);
  for (const std::uint32_t v : {0x12345U, 0x12345U, 1U, 0xFFFFFU, 0U}) EXPECT_EQ(wide.next(), v);
  RunDecoder none({}, 0);
  EXPECT_EQ(none.next(), 0U);
  EXPECT_THROW(RunDecoder({}, 33), Damaged);
}

// Hadoop's framing: unpacked and packed size, big-endian, then an LZ4 block; here two blocks of
// literals (token: their number in the high half).
TEST(PageCodec, ReadsLz4InHadoopsFramingAndWithout) {
  const auto framed =
      bytes_of({0, 0, 0, 2, 0, 0, 0, 3, 0x20, 'a', 'b', 0, 0, 0, 1, 0, 0, 0, 2, 0x10, 'c'});
  std::vector<std::byte> out(3);
  PageCodec codec;
  codec.decompress(Codec::lz4_hadoop, framed, out);
  EXPECT_EQ(out, bytes_of({'a', 'b', 'c'}));
  codec.decompress(Codec::lz4_hadoop, bytes_of({0x30, 'x', 'y', 'z'}), out);
  EXPECT_EQ(out, bytes_of({'x', 'y', 'z'}));
  codec.decompress(Codec::lz4_raw, bytes_of({0x30, 'x', 'y', 'z'}), out);
  std::vector<std::byte> longer(4);
  EXPECT_THROW(codec.decompress(Codec::lz4_hadoop, framed, longer), Damaged);
  for (const Codec each : {Codec::none, Codec::snappy, Codec::gzip, Codec::brotli, Codec::lz4_raw,
                           Codec::zstd, Codec::lzo}) {
    EXPECT_THROW(codec.decompress(each, framed, longer), Damaged) << static_cast<int>(each);
  }
}

}  // namespace
}  // namespace embedtool::parquet
