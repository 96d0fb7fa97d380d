#pragma once

// The part of Thrift's compact protocol that Parquet metadata needs, written by hand: libthrift
// would add generated code, a transport stack and Boost headers for the sake of a varint and a
// nibble. Layout: "Thrift compact protocol encoding", Apache Thrift documentation.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace embedtool {

/// Wire types of struct fields and list elements.
enum class ThriftType : std::uint8_t {
  stop = 0,
  true_value = 1,
  false_value = 2,
  i8 = 3,
  i16 = 4,
  i32 = 5,
  i64 = 6,
  real = 7,
  binary = 8,
  list = 9,
  set = 10,
  map = 11,
  structure = 12,
};

/// Appends one struct tree to a caller's buffer. Fields must come in ascending id inside a struct.
/// Not thread-safe; allocates only by growing the buffer.
class ThriftWriter {
 public:
  explicit ThriftWriter(std::vector<std::byte>& out) : out_(out) {}

  /// The top-level struct has no header: begin_root() … end_struct().
  void begin_root();
  void begin_struct(std::int16_t id);
  /// A struct that is an element of a list.
  void begin_element() { begin_root(); }
  void end_struct();

  void i16(std::int16_t id, std::int16_t value);
  void i32(std::int16_t id, std::int32_t value);
  void i64(std::int16_t id, std::int64_t value);
  void i8(std::int16_t id, std::int8_t value);
  void boolean(std::int16_t id, bool value);
  void string(std::int16_t id, std::string_view value);
  /// An empty struct, by which Parquet's unions name a case without parameters.
  void empty_struct(std::int16_t id);

  /// A list's header; exactly `size` elements follow.
  void begin_list(std::int16_t id, ThriftType element, std::size_t size);
  void element_i32(std::int32_t value);
  void element_i64(std::int64_t value);
  void element_boolean(bool value);
  void element_string(std::string_view value);

 private:
  void field(std::int16_t id, ThriftType type);
  void varint(std::uint64_t value);
  void bytes(std::string_view value);

  std::vector<std::byte>& out_;
  std::vector<std::int16_t> last_ids_;  ///< the last field id of every open struct
};

/// Walks hostile bytes: every read is bounded, nesting is capped, counts are checked against the
/// bytes that are left; throws Damaged. Strings are views into the input.
class ThriftReader {
 public:
  struct Field {
    std::int16_t id = 0;
    ThriftType type = ThriftType::stop;
  };
  struct List {
    std::size_t size = 0;
    ThriftType element = ThriftType::stop;
  };

  explicit ThriftReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  /// Enters the next struct (the root, a struct field or a list's element).
  void begin_struct();
  /// The next field, or type `stop` at the end of the struct, which it then leaves.
  Field next_field();
  /// Skips the value of a field whose header was just read.
  void skip(ThriftType type);

  /// Values; the field's type is checked against the requested one.
  std::int16_t i16(const Field& field);
  std::int32_t i32(const Field& field);
  std::int64_t i64(const Field& field);
  std::string_view string(const Field& field);
  bool boolean(const Field& field) const;
  std::int8_t i8(const Field& field);
  List list(const Field& field, ThriftType element);
  std::int32_t element_i32();
  std::string_view element_string();

  /// Bytes read so far.
  std::size_t position() const { return position_; }

 private:
  std::uint8_t byte();
  std::uint64_t varint();
  std::int64_t zigzag();
  std::string_view binary();
  List list_header();
  void skip_value(ThriftType type, int depth);
  void skip_container(ThriftType type, int depth);
  void skip_element(ThriftType type, int depth);

  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
  std::vector<std::int16_t> last_ids_;
};

}  // namespace embedtool
