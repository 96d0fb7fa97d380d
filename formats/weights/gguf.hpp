#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports.hpp"
#include "formats/io/file_set.hpp"

namespace embedtool {

/// A GGUF file (llama.cpp's container, versions 2 and 3, little endian), read in place: metadata by
/// key, and tensors under the file's own names. Views point into the given bytes, which must
/// outlive the object. Immutable after construction, hence thread-safe.
///
/// The layout: "GGUF", u32 version, u64 tensors, u64 keys; the keys, each a string (u64 length,
/// bytes), a u32 type and the value; the tensors, each a name, u32 rank, u64 extents (fastest
/// first), u32 type, u64 offset into the data; padding to `general.alignment`; the data.
class GgufFile : public WeightSource {
 public:
  /// Reads everything but the data. `where` names the file; `files`, which must outlive the object,
  /// is where the bytes come from, so that they can be released. Throws Error(ExitCode::model)
  /// naming the fault: every value is checked against the file's size before it is used.
  GgufFile(std::span<const std::byte> bytes, std::string where, const FileSet* files = nullptr);

  /// Whether these are the first bytes of a GGUF file.
  static bool recognizes(std::span<const std::byte> bytes);

  /// A key's value; nothing if the file has no such key. Throws Error(ExitCode::model) if it is of
  /// another kind (any width of integer is an integer, and a number; true is 1).
  std::optional<std::int64_t> integer(std::string_view key) const;
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> text(std::string_view key) const;
  bool holds_array(std::string_view key) const;
  /// An array's elements; empty if there is no such key.
  std::vector<std::string_view> texts(std::string_view key) const;
  std::vector<std::int64_t> integers(std::string_view key) const;
  std::vector<double> numbers(std::string_view key) const;
  /// The bytes of an array of 8-bit integers.
  std::string_view blob(std::string_view key) const;

  /// Throws Error(ExitCode::model) if the tensor exists but its type is not supported.
  const TensorView* find(std::string_view name) const override;
  std::vector<std::string_view> names() const override;
  void release(const TensorView& tensor) const override {
    if (files_ != nullptr) files_->release(tensor.bytes);
  }
  std::string describe() const override { return where_; }

 private:
  struct Value {
    std::uint32_t type = 0;  // of the elements, in an array
    bool array = false;
    std::uint64_t count = 1;  // elements
    std::span<const std::byte> bytes;
  };
  struct Entry {
    TensorView view;
    std::uint64_t offset = 0;                   // into the data
    std::optional<std::uint32_t> unknown_type;  // view.dtype means nothing
  };

  class Reader;
  void read_value(Reader& reader, std::string_view key);
  void read_tensor(Reader& reader);
  void place_tensor(Entry& entry, std::span<const std::byte> data) const;
  const Value* lookup(std::string_view key, bool array) const;
  [[noreturn]] void wrong_kind(std::string_view key, const char* wanted) const;

  std::string where_;
  const FileSet* files_;
  std::map<std::string_view, Value> values_;
  std::map<std::string, Entry, std::less<>> tensors_;  // nodes do not move: views stay valid
};

}  // namespace embedtool
