// Tables for databases: CSV, and PostgreSQL's binary COPY.
#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "formats/io/append_bytes.hpp"
#include "formats/io/field_value.hpp"
#include "formats/io/json_text.hpp"
#include "formats/io/uuid.hpp"
#include "formats/output/export_formats.hpp"
#include "formats/output/json_rows.hpp"
#include "formats/output/shard_values.hpp"
#include "formats/parquet/parquet_schema.hpp"

namespace embedtool {
namespace {

static_assert(std::endian::native == std::endian::little);

/// A row's id.
std::string_view id_of(const EmbeddingBlock& block, std::size_t row) {
  const DocumentBlock& documents = *block.documents;
  return documents.id(documents.records[block.rows[row].record]);
}

Slice kept_of(const EmbeddingBlock& block, std::size_t row, std::size_t fields, std::size_t i) {
  return block.documents->kept[block.rows[row].record * fields + i];
}

const ChunkPlace& place_of(const EmbeddingBlock& block, std::size_t row) {
  return block.documents->chunks[block.rows[row].record];
}

/// Calls take(name, is_number) for each column that says of what the rows are chunks.
template <typename Take>
void for_each_chunk_name(const OutputSpec& spec, const Take& take) {
  if (!spec.chunked) return;
  take(kChunkDocument, false);
  for (const ChunkNumber& number : kChunkNumbers) take(number.name, true);
  if (spec.chunk_text) take(kChunkText, false);
}

/// Quoted where it has to be. An empty field is null, so that an empty text is quoted.
void append_cell(std::string& out, std::string_view text) {
  if (!text.empty() && text.find_first_of(",\"\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

class CsvWriter final : public RowWriter {
 public:
  CsvWriter(const OutputSpec& spec, ByteSink& out) : spec_(spec), json_(spec), out_(out) {
    lines_ = "id,embedding";
    for_each_chunk_name(spec_, [this](std::string_view name, bool) {
      lines_ += ',';
      append_cell(lines_, name);
    });
    for (const KeptField& field : spec_.kept_fields) {
      lines_ += ',';
      append_cell(lines_, field.name);
    }
    lines_ += "\n";
  }

  void write(const EmbeddingBlock& block) override {
    const std::size_t fields = spec_.kept_fields.size();
    for (std::size_t row = 0; row < block.rows.size(); ++row) {
      append_cell(lines_, id_of(block, row));
      lines_ += ',';
      embedding_.clear();
      json_.append_embedding(embedding_, block, row);
      append_cell(lines_, embedding_);
      if (spec_.chunked) append_chunk(block, row);
      for (std::size_t i = 0; i < fields; ++i) {
        lines_ += ',';
        const Slice value = kept_of(block, row, fields, i);
        if (!value.is_null()) append_cell(lines_, block.documents->string(value));
      }
      lines_ += "\n";
    }
    flush();
  }
  void finish() override { flush(); }

 private:
  void append_chunk(const EmbeddingBlock& block, std::size_t row) {
    const ChunkPlace& place = place_of(block, row);
    lines_ += ',';
    append_cell(lines_, block.documents->string(place.document));
    for (const ChunkNumber& number : kChunkNumbers) {
      lines_ += ',';
      append_json_integer(lines_, place.*number.value);
    }
    if (!spec_.chunk_text) return;
    lines_ += ',';
    append_cell(lines_, block.documents->string(place.text));
  }
  void flush() {
    out_.write(std::as_bytes(std::span(lines_)));
    lines_.clear();
  }

  OutputSpec spec_;
  JsonRows json_;
  ByteSink& out_;
  std::string lines_;
  std::string embedding_;
};

/// Of pgvector's vector, halfvec and PostgreSQL's bit.
constexpr std::size_t kMaxVectorDims = 16000;

class PgcopyWriter final : public RowWriter {
 public:
  PgcopyWriter(const OutputSpec& spec, ExportId id_type, ByteSink& out, const std::string& name)
      : spec_(spec), id_type_(id_type), out_(out), name_(name) {
    constexpr std::string_view kSignature{"PGCOPY\n\377\r\n\0", 11};
    append(std::as_bytes(std::span(kSignature)));
    append_number(std::uint32_t{0});  // flags
    append_number(std::uint32_t{0});  // no extension
  }

  void write(const EmbeddingBlock& block) override {
    const std::size_t fields = spec_.kept_fields.size();
    for (std::size_t row = 0; row < block.rows.size(); ++row) {
      append_number(static_cast<std::uint16_t>(2 + parquet::chunk_columns(spec_) + fields));
      append_id(id_of(block, row));
      if (spec_.kind == RowKind::sparse) {
        append_weights(block.weights_of(row));
      } else {
        append_embedding(block.vectors_of(row, spec_.vector_bytes()));
      }
      if (spec_.chunked) append_chunk(*block.documents, place_of(block, row));
      for (std::size_t i = 0; i < fields; ++i) {
        const Slice value = kept_of(block, row, fields, i);
        if (value.is_null()) {
          append_number(std::uint32_t{0xFFFFFFFF});
        } else {
          append_field(block.documents->string(value), spec_.kept_fields[i]);
        }
      }
      ++row_;
    }
    flush();
  }
  void finish() override {
    append_number(std::uint16_t{0xFFFF});
    flush();
  }

 private:
  void append(std::span<const std::byte> bytes) { append_bytes(bytes_, bytes); }
  /// In network byte order.
  template <typename T>
  void append_number(T value) {
    for (std::size_t i = sizeof(T); i-- > 0;) {
      bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
    }
  }
  void append_text(std::string_view text, std::string_view field) {
    if (text.find('\0') != std::string_view::npos) {
      throw Error(ExitCode::failed,
                  "{}: {} of row {} has a NUL character, which PostgreSQL cannot store; export to "
                  "csv or jsonl",
                  name_, field, row_);
    }
    append_number(static_cast<std::uint32_t>(text.size()));
    append(std::as_bytes(std::span(text)));
  }
  void append_id(std::string_view id) {
    if (id_type_ == ExportId::string) return append_text(id, "id");
    const std::optional<Uuid> uuid = uuid_of(id);
    EMBEDTOOL_CHECK(uuid.has_value());
    append_number(static_cast<std::uint32_t>(uuid->size()));
    append(std::as_bytes(std::span(*uuid)));
  }
  void append_field(std::string_view value, const KeptField& field) {
    switch (field.type) {
      case FieldType::string:
        return append_text(value, field.name);
      case FieldType::int64:
        return append_sized(static_cast<std::uint64_t>(int64_of(value)));
      case FieldType::float64:
        return append_sized(std::bit_cast<std::uint64_t>(float64_of(value)));
      case FieldType::boolean:
        return append_sized(std::uint8_t{boolean_of(value)});
    }
  }
  template <typename T>
  void append_sized(T value) {
    append_number(std::uint32_t{sizeof value});
    append_number(value);
  }
  void append_chunk(const DocumentBlock& documents, const ChunkPlace& place) {
    append_text(documents.string(place.document), kChunkDocument);
    for (const ChunkNumber& number : kChunkNumbers) {
      append_sized(place.*number.value);
    }
    if (spec_.chunk_text) append_text(documents.string(place.text), kChunkText);
  }
  void append_embedding(std::span<const std::byte> vector) {
    const auto dims = static_cast<std::uint16_t>(spec_.dims);
    if (spec_.type == OutputType::binary) {
      append_number(static_cast<std::uint32_t>(4 + vector.size()));
      append_number(static_cast<std::uint32_t>(spec_.dims));
      append(vector);
      return;
    }
    values_.resize(spec_.dims);
    const std::size_t width = spec_.type == OutputType::f16 ? 2 : 4;
    append_number(static_cast<std::uint32_t>(4 + width * spec_.dims));
    append_number(dims);
    append_number(std::uint16_t{0});
    if (width == 2) {
      append_swapped<std::uint16_t>(vector);
    } else {
      values_of(spec_, vector.data(), 1, values_.data());
      append_swapped<std::uint32_t>(std::as_bytes(std::span(values_)));
    }
  }
  /// A sparsevec: ascending indices from 0 on, then their values.
  void append_weights(std::span<const SparseEntry> weights) {
    entries_.assign(weights.begin(), weights.end());
    std::sort(entries_.begin(), entries_.end(),
              [](const SparseEntry& a, const SparseEntry& b) { return a.token < b.token; });
    const auto count = static_cast<std::uint32_t>(entries_.size());
    append_number(std::uint32_t{12} + 8 * count);
    append_number(static_cast<std::uint32_t>(spec_.dims));
    append_number(count);
    append_number(std::uint32_t{0});
    for (const SparseEntry& entry : entries_) {
      append_number(static_cast<std::uint32_t>(entry.token));
    }
    for (const SparseEntry& entry : entries_) {
      append_number(std::bit_cast<std::uint32_t>(entry.weight));
    }
  }
  template <typename T>
  void append_swapped(std::span<const std::byte> numbers) {
    const std::size_t start = bytes_.size();
    bytes_.resize(start + numbers.size());
    for (std::size_t at = 0; at < numbers.size(); at += sizeof(T)) {
      for (std::size_t i = 0; i < sizeof(T); ++i) {
        bytes_[start + at + i] = numbers[at + sizeof(T) - 1 - i];
      }
    }
  }
  void flush() {
    out_.write(bytes_);
    bytes_.clear();
  }

  OutputSpec spec_;
  ExportId id_type_;
  ByteSink& out_;
  std::string name_;
  std::uint64_t row_ = 0;
  std::vector<float> values_;
  std::vector<SparseEntry> entries_;
  std::vector<std::byte> bytes_;
};

std::string_view sql_type(FieldType type) {
  switch (type) {
    case FieldType::string:
      return "text";
    case FieldType::int64:
      return "bigint";
    case FieldType::float64:
      return "double precision";
    case FieldType::boolean:
      return "boolean";
  }
  return {};
}

/// A name as SQL writes it.
std::string sql_name(std::string_view name) {
  std::string out{"\""};
  for (const char c : name) {
    if (c == '"') out += c;
    out += c;
  }
  return out += '"';
}

}  // namespace

std::unique_ptr<RowWriter> open_csv(const OutputSpec& spec, ByteSink& out) {
  return std::make_unique<CsvWriter>(spec, out);
}

std::unique_ptr<RowWriter> open_pgcopy(const OutputSpec& spec, ExportId id_type, ByteSink& out,
                                       const std::string& name) {
  if (spec.kind == RowKind::multi) {
    throw Error(
        ExitCode::usage,
        "{}: pgcopy holds one vector a row, and this output has several; export to jsonl or "
        "csv",
        name);
  }
  if (spec.kind == RowKind::sparse) return std::make_unique<PgcopyWriter>(spec, id_type, out, name);
  if (spec.type != OutputType::binary && spec.dims > kMaxVectorDims) {
    throw Error(ExitCode::usage,
                "{}: pgvector holds vectors of at most {} dimensions, not {}; encode with --dims",
                name, kMaxVectorDims, spec.dims);
  }
  return std::make_unique<PgcopyWriter>(spec, id_type, out, name);
}

std::string pgcopy_table(const OutputSpec& spec, ExportId id_type, const std::string& table) {
  const char* type = spec.kind == RowKind::sparse      ? "sparsevec"
                     : spec.type == OutputType::binary ? "bit"
                     : spec.type == OutputType::f16    ? "halfvec"
                                                       : "vector";
  std::string sql = fmt::format("CREATE TABLE {} (id {}, embedding {}({})", table,
                                id_type == ExportId::uuid ? "uuid" : "text", type, spec.dims);
  for_each_chunk_name(spec, [&sql](std::string_view name, bool is_number) {
    sql += fmt::format(", {} {}", sql_name(name), is_number ? "integer" : "text");
  });
  for (const KeptField& field : spec.kept_fields) {
    sql += fmt::format(", {} {}", sql_name(field.name), sql_type(field.type));
  }
  return sql + ")";
}

}  // namespace embedtool
