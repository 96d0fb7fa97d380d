#include "formats/arrow/arrow_writer.hpp"

#include <arrow_wire_generated.h>
#include <flatbuffers/flatbuffers.h>

#include <array>
#include <span>
#include <string_view>

#include "formats/arrow/arrow_columns.hpp"
#include "formats/io/append_bytes.hpp"
#include "formats/io/base64.hpp"

namespace embedtool::arrow {
namespace {

constexpr std::int16_t kVersion = 4;  ///< MetadataVersion V5
constexpr std::size_t kAlignment = 8;
constexpr std::string_view kMagic = "ARROW1";
using Builder = flatbuffers::FlatBufferBuilder;

/// A type's table, with its place in the union.
std::pair<wire::Type, flatbuffers::Offset<void>> type_of(Builder& builder, const Field& field) {
  constexpr std::int16_t kHalf = 0;
  constexpr std::int16_t kSingle = 1;
  constexpr std::int16_t kDouble = 2;
  switch (field.kind) {
    case FieldKind::utf8:
      return {wire::Type_Utf8, wire::CreateUtf8(builder).Union()};
    case FieldKind::boolean:
      return {wire::Type_Boolean, wire::CreateBoolean(builder).Union()};
    case FieldKind::int8:
      return {wire::Type_Integer, wire::CreateInteger(builder, 8, true).Union()};
    case FieldKind::int32:
      return {wire::Type_Integer, wire::CreateInteger(builder, 32, true).Union()};
    case FieldKind::int64:
      return {wire::Type_Integer, wire::CreateInteger(builder, 64, true).Union()};
    case FieldKind::float16:
      return {wire::Type_Float, wire::CreateFloat(builder, kHalf).Union()};
    case FieldKind::float32:
      return {wire::Type_Float, wire::CreateFloat(builder, kSingle).Union()};
    case FieldKind::float64:
      return {wire::Type_Float, wire::CreateFloat(builder, kDouble).Union()};
    case FieldKind::bytes:
      return {wire::Type_FixedSizeBinary, wire::CreateFixedSizeBinary(builder, field.size).Union()};
    case FieldKind::list:
      return {wire::Type_List, wire::CreateList(builder).Union()};
    case FieldKind::list_fixed:
      return {wire::Type_FixedSizeList, wire::CreateFixedSizeList(builder, field.size).Union()};
    case FieldKind::map:
      return {wire::Type_Map, wire::CreateMap(builder, false).Union()};
    case FieldKind::structure:
      return {wire::Type_Structure, wire::CreateStructure(builder).Union()};
  }
  return {wire::Type_NONE, {}};
}

flatbuffers::Offset<wire::Field> put_field(Builder& builder, const Field& field) {
  std::vector<flatbuffers::Offset<wire::Field>> children;
  for (const Field& child : field.children) children.push_back(put_field(builder, child));
  const auto name = builder.CreateString(field.name);
  const auto [kind, type] = type_of(builder, field);
  const auto list = builder.CreateVector(children);
  return wire::CreateField(builder, name, field.nullable, kind, type, 0, list);
}

flatbuffers::Offset<wire::Schema> put_schema(
    Builder& builder, const std::vector<Field>& fields,
    const std::vector<std::pair<std::string, std::string>>& metadata) {
  std::vector<flatbuffers::Offset<wire::Field>> list;
  for (const Field& field : fields) list.push_back(put_field(builder, field));
  std::vector<flatbuffers::Offset<wire::KeyValue>> entries;
  for (const auto& [key, value] : metadata) {
    const auto name = builder.CreateString(key);
    entries.push_back(wire::CreateKeyValue(builder, name, builder.CreateString(value)));
  }
  const auto columns = builder.CreateVector(list);
  constexpr std::int16_t kLittleEndian = 0;
  return wire::CreateSchema(builder, kLittleEndian, columns,
                            entries.empty() ? 0 : builder.CreateVector(entries));
}

template <typename T>
void append_number(std::vector<std::byte>& out, T value) {
  append_bytes(out, std::as_bytes(std::span(&value, 1)));
}

/// A message as it is in a stream: a marker, the header's length, the header, padded.
std::vector<std::byte> framed(Builder& builder) {
  const std::span<const std::uint8_t> head(builder.GetBufferPointer(), builder.GetSize());
  const std::size_t padded = (head.size() + kAlignment - 1) / kAlignment * kAlignment;
  std::vector<std::byte> out;
  append_number(out, std::uint32_t{0xFFFFFFFF});
  append_number(out, static_cast<std::uint32_t>(padded));
  append_bytes(out, std::as_bytes(head));
  out.resize(out.size() + padded - head.size());
  return out;
}

std::vector<std::byte> schema_message(
    const std::vector<Field>& fields,
    const std::vector<std::pair<std::string, std::string>>& metadata) {
  Builder builder;
  const auto schema = put_schema(builder, fields, metadata);
  builder.Finish(wire::CreateMessage(builder, kVersion, wire::Header_Schema, schema.Union(), 0));
  return framed(builder);
}

std::vector<std::byte> batch_message(const BatchColumns& columns, std::int64_t body) {
  Builder builder;
  std::vector<wire::FieldNode> nodes;
  for (const auto& [length, nulls] : columns.nodes()) nodes.emplace_back(length, nulls);
  std::vector<wire::Buffer> buffers;
  std::int64_t offset = 0;
  for (const auto& buffer : columns.buffers()) {
    const auto size = static_cast<std::int64_t>(buffer.size());
    buffers.emplace_back(offset, size);
    offset += BatchColumns::padded(size);
  }
  const auto node_list = builder.CreateVectorOfStructs(nodes);
  const auto buffer_list = builder.CreateVectorOfStructs(buffers);
  const auto batch = wire::CreateRecordBatch(builder, columns.rows(), node_list, buffer_list);
  builder.Finish(
      wire::CreateMessage(builder, kVersion, wire::Header_RecordBatch, batch.Union(), body));
  return framed(builder);
}

Field leaf(std::string name, FieldKind kind, std::int32_t size = 0) {
  return {std::move(name), kind, size, false, {}};
}

FieldKind kind_of(FieldType type) {
  switch (type) {
    case FieldType::string:
      return FieldKind::utf8;
    case FieldType::int64:
      return FieldKind::int64;
    case FieldType::float64:
      return FieldKind::float64;
    case FieldType::boolean:
      return FieldKind::boolean;
  }
  return {};
}

Field element_of_vector(const OutputSpec& spec, std::string name) {
  switch (spec.type) {
    case OutputType::f32:
      return leaf(std::move(name), FieldKind::float32);
    case OutputType::f16:
      return leaf(std::move(name), FieldKind::float16);
    case OutputType::int8:
      return leaf(std::move(name), FieldKind::int8);
    case OutputType::binary:
      return leaf(std::move(name), FieldKind::bytes,
                  static_cast<std::int32_t>(spec.vector_bytes()));
  }
  return {};
}

Field vector_field(const OutputSpec& spec, std::string name, bool fixed) {
  if (spec.type == OutputType::binary) return element_of_vector(spec, std::move(name));
  return {std::move(name),
          fixed ? FieldKind::list_fixed : FieldKind::list,
          fixed ? static_cast<std::int32_t>(spec.dims) : 0,
          false,
          {element_of_vector(spec, "element")}};
}

Field embedding_field(const OutputSpec& spec, bool fixed) {
  switch (spec.kind) {
    case RowKind::dense:
      return vector_field(spec, "embedding", fixed);
    case RowKind::multi:
      return {"embedding", FieldKind::list, 0, false, {vector_field(spec, "element", fixed)}};
    case RowKind::sparse:
      break;
  }
  Field entry{"key_value",
              FieldKind::structure,
              0,
              false,
              {leaf("key", FieldKind::utf8), leaf("value", FieldKind::float32)}};
  return {"embedding", FieldKind::map, 0, false, {std::move(entry)}};
}

}  // namespace

std::vector<Field> fields_of(const OutputSpec& spec, bool fixed) {
  std::vector<Field> fields{
      leaf("id", FieldKind::utf8), embedding_field(spec, fixed), leaf("n_tokens", FieldKind::int32),
      leaf("truncated", FieldKind::boolean), leaf("text_hash", FieldKind::bytes, sizeof(Hash128))};
  if (spec.chunked) {
    fields.push_back(leaf(std::string(kChunkDocument), FieldKind::utf8));
    for (const ChunkNumber& number : kChunkNumbers) {
      fields.push_back(leaf(std::string(number.name), FieldKind::int32));
    }
    if (spec.chunk_text) fields.push_back(leaf(std::string(kChunkText), FieldKind::utf8));
  }
  for (const KeptField& field : spec.kept_fields) {
    fields.push_back({field.name, kind_of(field.type), 0, true, {}});
  }
  return fields;
}

std::string encoded_schema(const std::vector<Field>& fields) {
  std::string out;
  append_base64(out, schema_message(fields, {}));
  return out;
}

ArrowWriter::ArrowWriter(const OutputSpec& spec, Form form, ByteSink& out)
    : spec_(spec), form_(form), out_(out), fields_(fields_of(spec, true)) {
  if (form_ == Form::file) {
    std::array<std::byte, kAlignment> head{};
    std::copy_n(std::as_bytes(std::span(kMagic)).begin(), kMagic.size(), head.begin());
    put(head);
  }
  put(schema_message(fields_, spec_.metadata));
}

void ArrowWriter::put(std::span<const std::byte> bytes) {
  out_.write(bytes);
  offset_ += bytes.size();
}

void ArrowWriter::write(const EmbeddingBlock& block) {
  const BatchColumns columns(spec_, block);
  std::int64_t body = 0;
  for (const auto& buffer : columns.buffers()) {
    body += BatchColumns::padded(static_cast<std::int64_t>(buffer.size()));
  }
  const std::vector<std::byte> head = batch_message(columns, body);
  batches_.push_back(
      {static_cast<std::int64_t>(offset_), static_cast<std::int32_t>(head.size()), body});
  put(head);
  constexpr std::array<std::byte, BatchColumns::kAlignment> kZeros{};
  for (const auto& buffer : columns.buffers()) {
    put(buffer);
    const auto size = static_cast<std::int64_t>(buffer.size());
    put(std::span(kZeros).first(static_cast<std::size_t>(BatchColumns::padded(size) - size)));
  }
}

void ArrowWriter::finish() {
  std::vector<std::byte> end;
  append_number(end, std::uint32_t{0xFFFFFFFF});
  append_number(end, std::uint32_t{0});
  if (form_ == Form::file) {
    Builder builder;
    const auto schema = put_schema(builder, fields_, spec_.metadata);
    std::vector<wire::Block> blocks;
    for (const Place& batch : batches_) blocks.emplace_back(batch.offset, batch.head, batch.body);
    const auto none = builder.CreateVectorOfStructs(std::vector<wire::Block>());
    const auto list = builder.CreateVectorOfStructs(blocks);
    builder.Finish(wire::CreateFooter(builder, kVersion, schema, none, list));
    append_bytes(end, std::as_bytes(std::span<const std::uint8_t>(builder.GetBufferPointer(),
                                                                  builder.GetSize())));
    append_number(end, static_cast<std::uint32_t>(builder.GetSize()));
    append_bytes(end, std::as_bytes(std::span(kMagic)));
  }
  put(end);
}

}  // namespace embedtool::arrow
