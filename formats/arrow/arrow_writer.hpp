#pragma once

// Arrow's messages as we write them: the columns of an output, as a schema alone, a stream or a
// file. Source: the Arrow columnar format, "Serialization and Interprocess Communication".

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/data.hpp"
#include "formats/io/byte_io.hpp"

namespace embedtool::arrow {

enum class FieldKind : std::uint8_t {
  utf8,
  boolean,
  int8,
  int32,
  int64,
  float16,
  float32,
  float64,
  bytes,       ///< FixedSizeBinary of `size`
  list,        ///< one child
  list_fixed,  ///< one child; every list has `size` elements
  map,         ///< one child, a structure of key and value
  structure,
};

struct Field {
  std::string name;
  FieldKind kind = FieldKind::utf8;
  std::int32_t size = 0;
  bool nullable = false;
  std::vector<Field> children;
};

/// The columns of an output, in the order and with the names of its shards. `fixed`: a vector is a
/// FixedSizeList, else a List.
std::vector<Field> fields_of(const OutputSpec& spec, bool fixed);

/// The value of Parquet's key ARROW:schema, by which Arrow's readers know a column's type: the
/// schema's message in Base64.
std::string encoded_schema(const std::vector<Field>& fields);

/// Writes an output's rows as Arrow IPC, vectors as FixedSizeLists; a batch for each block. Not
/// thread-safe.
class ArrowWriter {
 public:
  enum class Form : std::uint8_t {
    stream,
    file,  ///< with a footer, so that batches can be found and mapped
  };
  /// Writes the schema, with spec.metadata; `out` outlives the writer.
  ArrowWriter(const OutputSpec& spec, Form form, ByteSink& out);
  void write(const EmbeddingBlock& block);
  /// The end marker and the footer.
  void finish();

 private:
  struct Place {
    std::int64_t offset = 0;
    std::int32_t head = 0;
    std::int64_t body = 0;
  };
  void put(std::span<const std::byte> bytes);
  void put_message(std::span<const std::byte> message);

  OutputSpec spec_;
  Form form_;
  ByteSink& out_;
  std::vector<Field> fields_;
  std::uint64_t offset_ = 0;
  std::vector<Place> batches_;
};

}  // namespace embedtool::arrow
