#pragma once

// One description of a Thrift struct serves to write it and to read it:
//
//   template <typename Archive>
//   void fields(Archive& archive, ArchiveRef<Archive, Person> person) {
//     archive.required(1, person.name);
//     archive.optional(2, person.age, -1);
//     archive.structs(3, person.children, [](auto& a, auto& child) { fields(a, child); });
//   }
//
//   ThriftFieldWriter(out).structure([&](auto& a) { fields(a, person); });
//   ThriftFieldReader(in).structure([&](auto& a) { fields(a, person); });
//
// A writer writes the fields in the description's order, which must be that of their ids (1 to
// 63). A reader takes them in any order, skips those that the description does not mention, and
// refuses one that comes twice or has another type than the member. Members are integers, enums
// over int32, booleans and strings, and vectors of such enums or of strings.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "formats/io/damaged.hpp"
#include "formats/parquet/thrift_compact.hpp"

namespace embedtool {

/// How a description receives a T: a reader's archive fills it, a writer's does not change it.
template <typename Archive, typename T>
using ArchiveRef = std::conditional_t<Archive::kReads, T&, const T&>;

class ThriftFieldWriter {
 public:
  static constexpr bool kReads = false;

  explicit ThriftFieldWriter(ThriftWriter& out) : out_(out) {}

  /// The top-level struct, or a list's element.
  template <typename Describe>
  void structure(Describe&& describe) {
    out_.begin_root();
    describe(*this);
    out_.end_struct();
  }

  template <typename T>
  void required(std::int16_t id, const T& member) {
    put(id, member);
  }
  /// A member that we always write, and that other writers may leave out.
  template <typename T>
  void expected(std::int16_t id, const T& member) {
    put(id, member);
  }
  /// A member that is omitted if its value is `absent`.
  template <typename T>
  void optional(std::int16_t id, const T& member, const std::type_identity_t<T>& absent) {
    if (member != absent) put(id, member);
  }
  /// A field that always has the same value. A reader refuses others with the message `what`.
  template <typename T>
  void constant(std::int16_t id, const T& value, const char* /*what*/) {
    put(id, value);
  }
  /// A field for other readers: `value()` returns it, or an empty std::optional. Our reader skips
  /// it.
  template <typename Make>
  void informative(std::int16_t id, Make&& value) {
    put(id, value());
  }
  /// The same for a struct, and for a list of `count` structs that are all alike.
  template <typename Describe>
  void informative_struct(std::int16_t id, bool present, Describe&& describe) {
    optional_struct(id, present, describe);
  }
  template <typename Describe>
  void informative_structs(std::int16_t id, std::size_t count, Describe&& describe) {
    out_.begin_list(id, ThriftType::structure, count);
    for (std::size_t i = 0; i < count; ++i) structure(describe);
  }
  /// A field that readers understand and that we write for those that know nothing better:
  /// `value()` returns it, or an empty std::optional. Our reader puts it into `read`.
  template <typename Make, typename T>
  void derived(std::int16_t id, Make&& value, const T& /*read*/) {
    put(id, value());
  }
  /// A field that other files have but ours must not. A reader refuses it with the message `what`.
  void forbidden(std::int16_t /*id*/, const char* /*what*/) {}
  /// A field of which only its presence matters, and which we never write.
  void noted(std::int16_t /*id*/, const bool& /*present*/) {}
  /// A struct inside the struct.
  template <typename Describe>
  void required_struct(std::int16_t id, Describe&& describe) {
    out_.begin_struct(id);
    describe(*this);
    out_.end_struct();
  }
  template <typename Describe>
  void optional_struct(std::int16_t id, bool present, Describe&& describe) {
    if (present) required_struct(id, describe);
  }
  /// A list of structs; `describe(archive, element)` describes each one.
  template <typename T, typename Describe>
  void structs(std::int16_t id, const std::vector<T>& list, Describe&& describe) {
    optional_structs(id, list, describe);
  }
  /// A list that readers do not miss if it is absent; a writer writes it even if it is empty.
  template <typename T, typename Describe>
  void optional_structs(std::int16_t id, const std::vector<T>& list, Describe&& describe) {
    out_.begin_list(id, ThriftType::structure, list.size());
    for (const T& element : list) structure([&](auto& archive) { describe(archive, element); });
  }
  /// One case of a union: present if `member` has the value `value`.
  template <typename T, typename Describe>
  void alternative(std::int16_t id, const T& member, T value, Describe&& describe) {
    optional_struct(id, member == value, describe);
  }

 private:
  template <typename T>
  void put(std::int16_t id, const T& value) {
    if constexpr (std::is_enum_v<T>) {
      out_.i32(id, static_cast<std::int32_t>(value));
    } else if constexpr (std::is_same_v<T, std::int8_t>) {
      out_.i8(id, value);
    } else if constexpr (std::is_same_v<T, std::int16_t>) {
      out_.i16(id, value);
    } else if constexpr (std::is_same_v<T, std::int32_t>) {
      out_.i32(id, value);
    } else if constexpr (std::is_same_v<T, std::uint32_t>) {
      out_.i32(id, static_cast<std::int32_t>(value));  // Thrift has no unsigned integers
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
      out_.i64(id, value);
    } else if constexpr (std::is_same_v<T, bool>) {
      out_.boolean(id, value);
    } else {
      out_.string(id, value);
    }
  }
  template <typename T>
  void put(std::int16_t id, const std::optional<T>& value) {
    if (value) put(id, *value);
  }
  template <typename T>
  void put(std::int16_t id, const std::vector<T>& list) {
    if constexpr (std::is_enum_v<T>) {
      out_.begin_list(id, ThriftType::i32, list.size());
      for (const T value : list) out_.element_i32(static_cast<std::int32_t>(value));
    } else {
      out_.begin_list(id, ThriftType::binary, list.size());
      for (const std::string& value : list) out_.element_string(value);
    }
  }

  ThriftWriter& out_;
};

/// Reads hostile bytes; throws Damaged.
class ThriftFieldReader {
 public:
  static constexpr bool kReads = true;

  explicit ThriftFieldReader(ThriftReader& in) : in_(in) {}

  // The description runs once for each field read, and the member with the field's id takes it. It
  // runs once more at the end, when required members check that they were present.
  template <typename Describe>
  void structure(Describe&& describe) {
    in_.begin_struct();
    do {
      field_ = in_.next_field();
      taken_ = false;
      describe(*this);
      if (!taken_ && !at_end()) in_.skip(field_.type);
    } while (!at_end());
  }

  template <typename T>
  void required(std::int16_t id, T& member) {
    if (at_end()) require_seen(id);
    if (takes(id)) get(member);
  }
  template <typename T>
  void expected(std::int16_t id, T& member) {
    if (takes(id)) get(member);
  }
  template <typename T>
  void optional(std::int16_t id, T& member, const std::type_identity_t<T>& /*absent*/) {
    // A value that is spelt out though it could be left out is that value all the same.
    if (takes(id)) get(member);
  }
  template <typename T>
  void constant(std::int16_t id, const T& value, const char* what) {
    if (at_end()) require_seen(id);
    if (!takes(id)) return;
    T read{};
    get(read);
    require(read == value, what);
  }
  template <typename Make>
  void informative(std::int16_t /*id*/, Make&& /*value*/) {}
  template <typename Describe>
  void informative_struct(std::int16_t /*id*/, bool /*present*/, Describe&& /*describe*/) {}
  template <typename Describe>
  void informative_structs(std::int16_t /*id*/, std::size_t /*count*/, Describe&& /*describe*/) {}
  template <typename Make, typename T>
  void derived(std::int16_t id, Make&& /*value*/, T& read) {
    if (takes(id)) get(read);
  }
  void forbidden(std::int16_t id, const char* what) { require(field_.id != id, what); }
  void noted(std::int16_t id, bool& present) { present = present || field_.id == id; }
  template <typename Describe>
  void required_struct(std::int16_t id, Describe&& describe) {
    if (at_end()) require_seen(id);
    optional_struct(id, true, describe);
  }
  template <typename Describe>
  void optional_struct(std::int16_t id, bool /*present*/, Describe&& describe) {
    if (!takes(id)) return;
    require(field_.type == ThriftType::structure, "a metadata field has the wrong type");
    ThriftFieldReader(in_).structure(describe);
  }
  template <typename T, typename Describe>
  void structs(std::int16_t id, std::vector<T>& list, Describe&& describe) {
    if (at_end()) require_seen(id);
    optional_structs(id, list, describe);
  }
  template <typename T, typename Describe>
  void optional_structs(std::int16_t id, std::vector<T>& list, Describe&& describe) {
    if (!takes(id)) return;
    const std::size_t size = in_.list(field_, ThriftType::structure).size;
    for (std::size_t i = 0; i < size; ++i) {
      T& element = list.emplace_back();
      ThriftFieldReader(in_).structure([&](auto& archive) { describe(archive, element); });
    }
  }
  template <typename T, typename Describe>
  void alternative(std::int16_t id, T& member, T value, Describe&& describe) {
    if (field_.id == id) member = value;
    optional_struct(id, true, describe);
  }

 private:
  bool at_end() const { return field_.type == ThriftType::stop; }
  bool takes(std::int16_t id) {
    if (field_.id != id) return false;
    const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(id);
    require((seen_ & bit) == 0, "a metadata field appears twice");
    seen_ |= bit;
    taken_ = true;
    return true;
  }
  void require_seen(std::int16_t id) const {
    require((seen_ >> static_cast<unsigned>(id) & 1U) != 0, "the metadata lacks a field");
  }

  template <typename T>
  void get(T& value) {
    if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(in_.i32(field_));
    } else if constexpr (std::is_same_v<T, std::int8_t>) {
      value = in_.i8(field_);
    } else if constexpr (std::is_same_v<T, std::int16_t>) {
      value = in_.i16(field_);
    } else if constexpr (std::is_same_v<T, std::int32_t>) {
      value = in_.i32(field_);
    } else if constexpr (std::is_same_v<T, std::uint32_t>) {
      value = static_cast<std::uint32_t>(in_.i32(field_));
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
      value = in_.i64(field_);
    } else if constexpr (std::is_same_v<T, bool>) {
      value = in_.boolean(field_);
    } else {
      value = in_.string(field_);
    }
  }
  template <typename T>
  void get(std::optional<T>& value) {
    get(value.emplace());
  }
  // Lists grow as elements are read, each of at least one byte: a false count allocates nothing.
  template <typename T>
  void get(std::vector<T>& list) {
    if constexpr (std::is_enum_v<T>) {
      const std::size_t size = in_.list(field_, ThriftType::i32).size;
      for (std::size_t i = 0; i < size; ++i) list.push_back(static_cast<T>(in_.element_i32()));
    } else {
      const std::size_t size = in_.list(field_, ThriftType::binary).size;
      for (std::size_t i = 0; i < size; ++i) list.emplace_back(in_.element_string());
    }
  }

  ThriftReader& in_;
  ThriftReader::Field field_;
  std::uint64_t seen_ = 0;  ///< bit `id` of every field taken so far
  bool taken_ = false;      ///< a member has taken the field
};

}  // namespace embedtool
