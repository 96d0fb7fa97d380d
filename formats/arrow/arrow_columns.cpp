#include "formats/arrow/arrow_columns.hpp"

#include <limits>
#include <optional>
#include <string_view>

#include "core/base/error.hpp"
#include "formats/io/append_bytes.hpp"
#include "formats/io/field_value.hpp"

namespace embedtool::arrow {
namespace {

/// Offsets have 32 bits.
std::int32_t checked(std::size_t offset) {
  if (offset > std::numeric_limits<std::int32_t>::max()) {
    throw Error(ExitCode::failed, "rows of more than 2 GiB do not fit in an Arrow batch");
  }
  return static_cast<std::int32_t>(offset);
}

template <typename T>
std::vector<std::byte> bytes_of(std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return {bytes.begin(), bytes.end()};
}

void set_bit(std::vector<std::byte>& bits, std::size_t index) {
  bits[index / 8] |= static_cast<std::byte>(1U << (index % 8));
}

}  // namespace

BatchColumns::BatchColumns(const OutputSpec& spec, const EmbeddingBlock& block)
    : rows_(static_cast<std::int64_t>(block.rows.size())) {
  const DocumentBlock& documents = *block.documents;
  // Views into owned buffers stay: moving a vector does not move its elements.
  add_strings(block.rows.size(), [&](std::size_t row) -> std::optional<std::string_view> {
    return documents.id(documents.records[block.rows[row].record]);
  });
  add_embedding(spec, block);
  add_rows(block);
  if (spec.chunked) add_chunks(spec, block);
  add_kept(spec, block);
}

/// Every node begins with a validity bitmap, which is empty where nothing is null.
void BatchColumns::add_node(std::size_t length, std::size_t nulls) {
  nodes_.emplace_back(static_cast<std::int64_t>(length), static_cast<std::int64_t>(nulls));
}

void BatchColumns::add_owned(std::vector<std::byte> bytes) {
  owned_.push_back(std::move(bytes));
  buffers_.emplace_back(owned_.back());
}

void BatchColumns::add_offsets(std::span<const std::int32_t> offsets) {
  add_owned(bytes_of(offsets));
}

/// A node and its validity. `at(i)` is the i-th value as text, or nothing where it is null;
/// `take(i, value)` gets each in turn.
template <typename TextAt, typename Take>
void BatchColumns::add_nullable(std::size_t count, TextAt&& at, Take&& take) {
  std::vector<std::byte> valid((count + 7) / 8);
  std::size_t nulls = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::optional<std::string_view> value = at(i);
    if (value) {
      set_bit(valid, i);
    } else {
      ++nulls;
    }
    take(i, value);
  }
  add_node(count, nulls);
  add_owned(nulls == 0 ? std::vector<std::byte>() : std::move(valid));
}

template <typename TextAt>
void BatchColumns::add_strings(std::size_t count, TextAt&& at) {
  std::vector<std::int32_t> offsets{0};
  std::vector<std::byte> text;
  add_nullable(count, at, [&](std::size_t, const std::optional<std::string_view>& value) {
    if (value) append_bytes(text, std::as_bytes(std::span(*value)));
    offsets.push_back(checked(text.size()));
  });
  add_offsets(offsets);
  add_owned(std::move(text));
}

template <typename TextAt>
void BatchColumns::add_booleans(std::size_t count, TextAt&& at) {
  std::vector<std::byte> bits((count + 7) / 8);
  add_nullable(count, at, [&](std::size_t i, const std::optional<std::string_view>& value) {
    if (value && boolean_of(*value)) set_bit(bits, i);
  });
  add_owned(std::move(bits));
}

/// `parse` makes a number of 64 bits of a text.
template <typename TextAt, typename Parse>
void BatchColumns::add_numbers(std::size_t count, TextAt&& at, Parse&& parse) {
  std::vector<decltype(parse(std::string_view()))> numbers(count);
  add_nullable(count, at, [&](std::size_t i, const std::optional<std::string_view>& value) {
    if (value) numbers[i] = parse(*value);
  });
  add_owned(bytes_of(std::span<const decltype(parse(std::string_view()))>(numbers)));
}

void BatchColumns::add_offsets_of(const EmbeddingBlock& block) {
  std::vector<std::int32_t> offsets{0};
  for (std::size_t row = 0; row < block.rows.size(); ++row) {
    offsets.push_back(checked(static_cast<std::size_t>(offsets.back()) + block.count_of(row)));
  }
  add_node(block.rows.size());
  add_view({});
  add_offsets(offsets);
}

void BatchColumns::add_embedding(const OutputSpec& spec, const EmbeddingBlock& block) {
  if (spec.kind == RowKind::sparse) return add_weights(block);
  const std::size_t vectors = block.vectors.size() / spec.vector_bytes();
  if (spec.kind == RowKind::multi) add_offsets_of(block);
  add_node(vectors);
  add_view({});
  if (spec.type != OutputType::binary) {
    add_node(static_cast<std::size_t>(checked(vectors * spec.dims)));
    add_view({});
  }
  add_view(block.vectors);
}

void BatchColumns::add_weights(const EmbeddingBlock& block) {
  add_offsets_of(block);
  add_node(block.weights.size());
  add_view({});
  add_strings(block.weights.size(), [&](std::size_t i) -> std::optional<std::string_view> {
    return block.tokens[static_cast<std::size_t>(block.weights[i].token)];
  });
  std::vector<float> values;
  for (const SparseEntry& entry : block.weights) values.push_back(entry.weight);
  add_node(values.size());
  add_view({});
  add_owned(bytes_of(std::span<const float>(values)));
}

void BatchColumns::add_rows(const EmbeddingBlock& block) {
  const std::size_t count = block.rows.size();
  std::vector<std::int32_t> tokens;
  std::vector<std::byte> truncated((count + 7) / 8);
  std::vector<std::byte> hashes;
  for (std::size_t row = 0; row < count; ++row) {
    const RowInfo& info = block.rows[row];
    tokens.push_back(static_cast<std::int32_t>(info.n_tokens));
    if (info.truncated) set_bit(truncated, row);
    const auto hash = info.text_hash.bytes();
    append_bytes(hashes, std::as_bytes(std::span(hash)));
  }
  for (const std::vector<std::byte>& column :
       {bytes_of(std::span<const std::int32_t>(tokens)), std::move(truncated), std::move(hashes)}) {
    add_node(count);
    add_view({});
    add_owned(column);
  }
}

void BatchColumns::add_chunks(const OutputSpec& spec, const EmbeddingBlock& block) {
  const DocumentBlock& documents = *block.documents;
  const auto place_of = [&](std::size_t row) -> const ChunkPlace& {
    return documents.chunks[block.rows[row].record];
  };
  add_strings(block.rows.size(), [&](std::size_t row) -> std::optional<std::string_view> {
    return documents.string(place_of(row).document);
  });
  for (const ChunkNumber& number : kChunkNumbers) {
    std::vector<std::int32_t> values;
    for (std::size_t row = 0; row < block.rows.size(); ++row) {
      values.push_back(static_cast<std::int32_t>(place_of(row).*number.value));
    }
    add_node(values.size());
    add_view({});
    add_owned(bytes_of(std::span<const std::int32_t>(values)));
  }
  if (!spec.chunk_text) return;
  add_strings(block.rows.size(), [&](std::size_t row) -> std::optional<std::string_view> {
    return documents.string(place_of(row).text);
  });
}

void BatchColumns::add_kept(const OutputSpec& spec, const EmbeddingBlock& block) {
  const DocumentBlock& documents = *block.documents;
  const std::size_t fields = spec.kept_fields.size();
  for (std::size_t i = 0; i < fields; ++i) {
    const auto at = [&](std::size_t row) -> std::optional<std::string_view> {
      const Slice value = documents.kept[block.rows[row].record * fields + i];
      if (value.is_null()) return std::nullopt;
      return documents.string(value);
    };
    const std::size_t rows = block.rows.size();
    switch (spec.kept_fields[i].type) {
      case FieldType::string:
        add_strings(rows, at);
        break;
      case FieldType::int64:
        add_numbers(rows, at, int64_of);
        break;
      case FieldType::float64:
        add_numbers(rows, at, float64_of);
        break;
      case FieldType::boolean:
        add_booleans(rows, at);
        break;
    }
  }
}

}  // namespace embedtool::arrow
