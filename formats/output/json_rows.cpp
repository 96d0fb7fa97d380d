#include "formats/output/json_rows.hpp"

#include <cstring>

#include "formats/io/base64.hpp"
#include "formats/io/field_value.hpp"
#include "formats/io/json_text.hpp"
#include "formats/output/shard_values.hpp"

namespace embedtool {
namespace {

void append_id(std::string& out, const EmbeddingBlock& block, std::size_t row) {
  const DocumentBlock& documents = *block.documents;
  out += "{\"id\":";
  append_json_string(out, documents.id(documents.records[block.rows[row].record]));
}

}  // namespace

void append_chunk_members(std::string& out, const DocumentBlock& documents, std::size_t record,
                          bool text) {
  const ChunkPlace& place = documents.chunks[record];
  const auto member = [&](std::string_view name) {
    out += ',';
    append_json_string(out, name);
    out += ':';
  };
  member(kChunkDocument);
  append_json_string(out, documents.string(place.document));
  for (const ChunkNumber& number : kChunkNumbers) {
    member(number.name);
    append_json_integer(out, place.*number.value);
  }
  if (!text) return;
  member(kChunkText);
  append_json_string(out, documents.string(place.text));
}

void JsonRows::append_vector(std::string& out, const std::byte* vector) {
  out += '[';
  if (spec_.type == OutputType::int8 || spec_.type == OutputType::binary) {
    const std::size_t size = spec_.vector_bytes();
    for (std::size_t i = 0; i < size; ++i) {
      if (i > 0) out += ',';
      const auto byte = std::to_integer<std::uint8_t>(vector[i]);
      const bool is_signed = spec_.type == OutputType::int8;
      append_json_integer(out, is_signed ? std::int64_t{static_cast<std::int8_t>(byte)} : byte);
    }
  } else {
    widened_.resize(spec_.dims);
    // An f16 prints as the f32 that it widens to: exact, and the same in every reader.
    values_of(spec_, vector, 1, widened_.data());
    for (std::size_t i = 0; i < spec_.dims; ++i) {
      if (i > 0) out += ',';
      append_json_number(out, widened_[i]);
    }
  }
  out += ']';
}

void JsonRows::append_vectors(std::string& out, std::span<const std::byte> vectors) {
  out += '[';
  for (std::size_t at = 0; at < vectors.size(); at += spec_.vector_bytes()) {
    if (at > 0) out += ',';
    append_vector(out, vectors.data() + at);
  }
  out += ']';
}

void JsonRows::append_weights(std::string& out, const EmbeddingBlock& block, std::size_t row) {
  out += '{';
  bool first = true;
  for (const SparseEntry& entry : block.weights_of(row)) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, block.tokens[static_cast<std::size_t>(entry.token)]);
    out += ':';
    append_json_number(out, entry.weight);
  }
  out += '}';
}

// Every row has every field, absent ones as null: readers that take columns from the first line
// see them all.
void JsonRows::append_kept(std::string& out, const EmbeddingBlock& block, std::size_t row) const {
  const DocumentBlock& documents = *block.documents;
  const std::size_t fields = spec_.kept_fields.size();
  for (std::size_t i = 0; i < fields; ++i) {
    const Slice value = documents.kept[block.rows[row].record * fields + i];
    out += ',';
    append_json_string(out, spec_.kept_fields[i].name);
    out += ':';
    if (value.is_null()) {
      out += "null";
    } else {
      append_json_field(out, spec_.kept_fields[i].type, documents.string(value));
    }
  }
  out += "}\n";
}

// The vectors of a multi-vector row are all of one length, so that one string holds them.
void JsonRows::append_embedding(std::string& out, const EmbeddingBlock& block, std::size_t row) {
  if (spec_.kind == RowKind::sparse) return append_weights(out, block, row);
  const auto vectors = block.vectors_of(row, spec_.vector_bytes());
  if (form_ == JsonEmbedding::base64) {
    out += '"';
    append_base64(out, vectors);
    out += '"';
  } else if (spec_.kind == RowKind::dense) {
    append_vector(out, vectors.data());
  } else {
    append_vectors(out, vectors);
  }
}

void JsonRows::append_embedding_line(std::string& out, const EmbeddingBlock& block,
                                     std::size_t row) {
  append_id(out, block, row);
  out += ",\"embedding\":";
  append_embedding(out, block, row);
  if (spec_.chunked) {
    append_chunk_members(out, *block.documents, block.rows[row].record, spec_.chunk_text);
  }
  append_kept(out, block, row);
}

void JsonRows::append_id_line(std::string& out, const EmbeddingBlock& block,
                              std::size_t row) const {
  append_id(out, block, row);
  out += ",\"n_tokens\":";
  append_json_integer(out, block.rows[row].n_tokens);
  out += block.rows[row].truncated ? ",\"truncated\":true" : ",\"truncated\":false";
  if (spec_.chunked) {
    append_chunk_members(out, *block.documents, block.rows[row].record, spec_.chunk_text);
  }
  append_kept(out, block, row);
}

}  // namespace embedtool
