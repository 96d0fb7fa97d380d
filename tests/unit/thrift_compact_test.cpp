#include "formats/parquet/thrift_compact.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "formats/io/damaged.hpp"

namespace embedtool {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> out;
  for (const int v : values) out.push_back(static_cast<std::byte>(v));
  return out;
}

// By hand from the protocol's description: a header is (id delta << 4 | type), integers are
// zigzag varints (n ≥ 0 becomes 2n), strings carry their length, lists (size << 4 | type).
TEST(ThriftWriter, WritesTheDocumentedBytes) {
  std::vector<std::byte> out;
  ThriftWriter writer(out);
  writer.begin_root();
  writer.i32(1, 5);                           // 15 0a
  writer.i64(2, -1);                          // 16 01
  writer.string(4, "ab");                     // 28 02 'a' 'b'
  writer.boolean(5, true);                    // 11
  writer.boolean(6, false);                   // 12
  writer.i32(40, 300);                        // delta 34 > 15: 05, zigzag id 80 = 50; 600 = d8 04
  writer.begin_list(41, ThriftType::i32, 2);  // 19 25
  writer.element_i32(-3);                     // 05
  writer.element_i32(3);                      // 06
  writer.empty_struct(42);                    // 1c 00
  writer.i8(43, 8);                           // 13 08
  writer.end_struct();                        // 00
  EXPECT_EQ(out, bytes_of({0x15, 0x0a, 0x16, 0x01, 0x28, 0x02, 'a',  'b',  0x11, 0x12, 0x05, 0x50,
                           0xd8, 0x04, 0x19, 0x25, 0x05, 0x06, 0x1c, 0x00, 0x13, 0x08, 0x00}));
}

TEST(ThriftWriter, LongListsCarryTheirSizeApart) {
  std::vector<std::byte> out;
  ThriftWriter writer(out);
  writer.begin_root();
  writer.begin_list(1, ThriftType::i32, 200);
  EXPECT_EQ(out, bytes_of({0x19, 0xf5, 0xc8, 0x01}));
}

TEST(ThriftReader, ReadsBackExtremes) {
  std::vector<std::byte> out;
  ThriftWriter writer(out);
  writer.begin_root();
  writer.i32(1, std::numeric_limits<std::int32_t>::min());
  writer.i32(2, std::numeric_limits<std::int32_t>::max());
  writer.i64(3, std::numeric_limits<std::int64_t>::min());
  writer.i64(4, std::numeric_limits<std::int64_t>::max());
  writer.end_struct();
  ThriftReader in(out);
  in.begin_struct();
  EXPECT_EQ(in.i32(in.next_field()), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(in.i32(in.next_field()), std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(in.i64(in.next_field()), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(in.i64(in.next_field()), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(in.next_field().type, ThriftType::stop);
  EXPECT_EQ(in.position(), out.size());
}

// A field of every container kind, skipped, then one that is read.
TEST(ThriftReader, SkipsWhatItDoesNotKnow) {
  const auto bytes = bytes_of({0x1b, 0x01, 0x51, 0x02, 0x01,              // map {1: true}
                               0x19, 0x21, 0x01, 0x02,                    // list [true, false]
                               0x1c, 0x15, 0x02, 0x00,                    // struct {1: i32 1}
                               0x17, 0,    0,    0,    0,    0, 0, 0, 0,  // double
                               0x1a, 0x18, 0x01, 'x',                     // set {"x"}
                               0x15, 0x0e, 0x00});                        // i32 7
  ThriftReader in(bytes);
  in.begin_struct();
  auto field = in.next_field();
  for (; field.id < 6; field = in.next_field()) in.skip(field.type);
  EXPECT_EQ(in.i32(field), 7);
  EXPECT_EQ(in.next_field().type, ThriftType::stop);
}

void read_all(const std::vector<std::byte>& bytes) {
  ThriftReader in(bytes);
  in.begin_struct();
  for (auto f = in.next_field(); f.type != ThriftType::stop; f = in.next_field()) in.skip(f.type);
}

TEST(ThriftReader, RefusesHostileBytes) {
  EXPECT_THROW(read_all({}), Damaged);
  EXPECT_THROW(read_all(bytes_of({0x18, 0x7f, 'a'})), Damaged);               // string past the end
  EXPECT_THROW(read_all(bytes_of({0x19, 0xf5, 0xff, 0xff, 0x7f})), Damaged);  // huge list
  EXPECT_THROW(read_all(bytes_of({0x1d})), Damaged);                          // type 13
  EXPECT_THROW(read_all(bytes_of(
                   {0x15, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00})),
               Damaged);  // endless varint
  EXPECT_THROW(read_all(std::vector<std::byte>(100000, std::byte{0x1c})), Damaged);  // nesting
  EXPECT_THROW(read_all(std::vector<std::byte>(100000, std::byte{0x19})), Damaged);
  const auto wide = bytes_of({0x15, 0x80, 0x80, 0x80, 0x80, 0x20, 0x00});  // 2^32 as an i32
  ThriftReader in(wide);
  in.begin_struct();
  const auto field = in.next_field();
  EXPECT_THROW(in.i32(field), Damaged);
}

}  // namespace
}  // namespace embedtool
