#pragma once

// The data that flows through a run, stage by stage. Only the standard library and base types:
// every room may include it. Containers are columnar and recycled, so that a run in steady state
// allocates nothing per text.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/check.hpp"
#include "core/base/enum_words.hpp"
#include "core/base/hash.hpp"

namespace embedtool {

using TokenId = std::int32_t;

/// A run of elements inside one arena of the container that holds the slice.
struct Slice {
  static constexpr std::uint64_t kNull = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t offset = 0;
  std::uint64_t size = 0;

  static Slice null() { return {kNull, 0}; }
  bool is_null() const { return offset == kNull; }
};

/// What a corpus record holds: a text, final token ids, or a ready vector.
enum class RecordKind : std::uint8_t { text, token_ids, vector };

/// One accepted record; its bytes live in the DocumentBlock that holds it.
struct Record {
  RecordKind kind = RecordKind::text;
  std::uint32_t file = 0;      ///< index into DocumentSource::file_names()
  std::uint64_t ordinal = 0;   ///< 0-based among the accepted records of the whole run
  std::uint64_t line = 0;      ///< 1-based line of the record's first byte in its file
  std::uint64_t position = 0;  ///< 0-based among all records of the run, rejected ones included
  std::uint64_t prefix = 0;    ///< hash of what was read up to this record's end, from the start on
  Slice id;                    ///< bytes
  Slice payload;               ///< bytes (text), token_ids or values, by kind
};

/// Which part of a document a record is, where documents are cut into chunks. Bytes and code points
/// count from the beginning of the document's text.
struct ChunkPlace {
  Slice document;           ///< its id: bytes
  Slice text;               ///< bytes of the chunk alone; empty where the record is no text
  std::uint32_t index = 0;  ///< from 0 in its document
  std::uint32_t count = 0;  ///< chunks of the document
  std::uint32_t begin = 0;
  std::uint32_t end = 0;  ///< behind the last byte
  std::uint32_t begin_char = 0;
  std::uint32_t end_char = 0;
};

/// The columns of rows that are chunks: kChunkDocument, these, and kChunkText where it is asked
/// for.
struct ChunkNumber {
  std::string_view name;
  std::uint32_t ChunkPlace::*value;
};
inline constexpr std::array<ChunkNumber, 6> kChunkNumbers = {{
    {"chunk", &ChunkPlace::index},
    {"chunks", &ChunkPlace::count},
    {"start", &ChunkPlace::begin},
    {"end", &ChunkPlace::end},
    {"start_char", &ChunkPlace::begin_char},
    {"end_char", &ChunkPlace::end_char},
}};
inline constexpr std::string_view kChunkDocument = "doc_id";
inline constexpr std::string_view kChunkText = "text";

/// A run of a text's tokens.
struct TokenSpan {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;  ///< behind the last one
};

/// Which tokens of a record a chunk has, where the record is read once for several chunks.
struct ChunkPiece {
  static constexpr std::uint32_t kToEnd = std::numeric_limits<std::uint32_t>::max();
  TokenSpan tokens{0, kToEnd};  ///< up to kToEnd: all that follow
  bool ends_chunk = true;       ///< else the chunk goes on in the next record
  std::uint32_t chunk = 0;      ///< index into DocumentBlock::chunks, where the chunk ends
  Hash128 text_hash;            ///< of the chunk; where it is all of a record, the record's counts

  bool is_all() const { return tokens.begin == 0 && tokens.end == kToEnd; }
};

/// A recycled block of records in input order: what a DocumentSource fills and a window owns.
/// Not thread-safe while being filled; immutable, hence shareable, afterwards.
struct DocumentBlock {
  std::vector<Record> records;
  std::vector<char> bytes;         ///< ids, texts and kept fields, UTF-8
  std::vector<TokenId> token_ids;  ///< payloads of kind token_ids
  std::vector<float> values;       ///< payloads of kind vector
  std::vector<Slice> kept;         ///< records × kept fields, row-major; null where absent
  /// One a record, or, where records are read for several chunks, one for each chunk that ends in
  /// one of them; none where documents are not cut.
  std::vector<ChunkPlace> chunks;
  std::vector<ChunkPiece> pieces;  ///< where records are read for several chunks
  std::vector<Slice> pieces_of;    ///< one a record, into pieces; likewise
  std::uint64_t end = 0;           ///< Record::position of the record after the block

  void clear() {
    records.clear();
    bytes.clear();
    token_ids.clear();
    values.clear();
    kept.clear();
    chunks.clear();
    pieces.clear();
    pieces_of.clear();
  }

  /// Of a record that is read for several chunks, or for one of such a document; else empty.
  std::span<const ChunkPiece> pieces_in(std::size_t record) const {
    if (pieces_of.empty()) return {};
    return {pieces.data() + pieces_of[record].offset, pieces_of[record].size};
  }

  /// `s` is not null.
  std::string_view string(Slice s) const {
    EMBEDTOOL_CHECK(s.offset <= bytes.size() && s.size <= bytes.size() - s.offset);
    return {bytes.data() + s.offset, s.size};
  }
  std::string_view id(const Record& r) const { return string(r.id); }
  std::string_view text(const Record& r) const {
    EMBEDTOOL_CHECK(r.kind == RecordKind::text);
    return string(r.payload);
  }
  std::span<const TokenId> ids(const Record& r) const {
    EMBEDTOOL_CHECK(r.kind == RecordKind::token_ids);
    EMBEDTOOL_CHECK(r.payload.offset + r.payload.size <= token_ids.size());
    return {token_ids.data() + r.payload.offset, r.payload.size};
  }
  std::span<const float> vector(const Record& r) const {
    EMBEDTOOL_CHECK(r.kind == RecordKind::vector);
    EMBEDTOOL_CHECK(r.payload.offset + r.payload.size <= values.size());
    return {values.data() + r.payload.offset, r.payload.size};
  }
  /// Payload and field bytes held; what a window's byte budget counts.
  std::size_t byte_size() const {
    return bytes.size() + token_ids.size() * sizeof(TokenId) + values.size() * sizeof(float);
  }
  /// Appends bytes to the arena and returns where they are.
  Slice append(std::string_view s) {
    const Slice slice{bytes.size(), s.size()};
    // Not insert(): g++ 14 warns of an overflow there that cannot happen.
    bytes.resize(slice.offset + slice.size);
    std::copy_n(s.data(), s.size(), bytes.data() + slice.offset);
    return slice;
  }
};

/// A ragged batch: `size()` sequences back to back, no padding.
struct Batch {
  std::span<const TokenId> ids;            ///< all tokens of all sequences
  std::span<const std::uint32_t> offsets;  ///< size()+1 entries; sequence i is [i], [i+1)
  /// Spans of the sequences' tokens that are pooled by themselves: all, and size()+1 offsets of the
  /// sequences' own. Both empty where sequences are pooled whole.
  std::span<const TokenSpan> spans = {};
  std::span<const std::uint32_t> span_offsets = {};

  std::size_t size() const { return offsets.empty() ? 0 : offsets.size() - 1; }
  std::size_t tokens() const { return offsets.empty() ? 0 : offsets.back(); }
};

/// Builds ragged batches in two recycled arrays: in steady state a batch costs a copy of its ids
/// and no allocation. Not thread-safe.
class BatchBuilder {
 public:
  void clear() {
    ids_.clear();
    offsets_.assign(1, 0);
    spans_.clear();
    span_offsets_.clear();
  }
  /// Call clear() before the first one.
  void append(std::span<const TokenId> sequence) {
    EMBEDTOOL_CHECK(!offsets_.empty());
    ids_.insert(ids_.end(), sequence.begin(), sequence.end());
    offsets_.push_back(static_cast<std::uint32_t>(ids_.size()));
  }
  /// The same for a sequence that is pooled in the spans of `pieces`; then all of a batch are.
  void append(std::span<const TokenId> sequence, std::span<const ChunkPiece> pieces) {
    append(sequence);
    const auto tokens = static_cast<std::uint32_t>(sequence.size());
    if (span_offsets_.empty()) span_offsets_.push_back(0);
    for (const ChunkPiece& piece : pieces) {
      spans_.push_back({piece.tokens.begin, std::min(piece.tokens.end, tokens)});
    }
    span_offsets_.push_back(static_cast<std::uint32_t>(spans_.size()));
  }
  /// Valid until the next clear() or append().
  Batch batch() const { return {ids_, offsets_, spans_, span_offsets_}; }

 private:
  std::vector<TokenId> ids_;
  std::vector<std::uint32_t> offsets_;
  std::vector<TokenSpan> spans_;
  std::vector<std::uint32_t> span_offsets_;
};

/// Element type of published vectors.
enum class OutputType : std::uint8_t { f32, f16, int8, binary };

/// Bytes that one vector of `dims` elements takes.
/// binary packs 8 dimensions a byte, first dimension in the highest bit (numpy.packbits' order).
constexpr std::size_t vector_bytes(OutputType type, std::size_t dims) {
  switch (type) {
    case OutputType::f32:
      return dims * 4;
    case OutputType::f16:
      return dims * 2;
    case OutputType::int8:
      return dims;
    case OutputType::binary:
      return (dims + 7) / 8;
  }
  return 0;
}

template <>
inline constexpr auto enum_words<OutputType> = std::to_array<EnumWord<OutputType>>({
    {OutputType::f32, "f32"},
    {OutputType::f16, "f16"},
    {OutputType::int8, "int8"},
    {OutputType::binary, "binary"},
});

/// A weight of a sparse row: that of one token of the model's vocabulary, above 0.
struct SparseEntry {
  TokenId token = 0;
  float weight = 0.0F;

  friend bool operator==(const SparseEntry&, const SparseEntry&) = default;
};
static_assert(sizeof(SparseEntry) == 8);

/// What a row of an output holds.
enum class RowKind : std::uint8_t {
  dense,   ///< one vector
  multi,   ///< a vector for each token that the head keeps (late interaction)
  sparse,  ///< weights of tokens of the vocabulary, the heaviest first
};
template <>
inline constexpr auto enum_words<RowKind> = std::to_array<EnumWord<RowKind>>({
    {RowKind::dense, "dense"},
    {RowKind::multi, "multi"},
    {RowKind::sparse, "sparse"},
});

/// What the values of a kept field are.
enum class FieldType : std::uint8_t { string, int64, float64, boolean };
template <>
inline constexpr auto enum_words<FieldType> = std::to_array<EnumWord<FieldType>>({
    {FieldType::string, "string"},
    {FieldType::int64, "int64"},
    {FieldType::float64, "double"},
    {FieldType::boolean, "bool"},
});

/// A field that is copied to the output: a nullable column. DocumentBlock::kept has its values as
/// text, which for other types than string is as formats/io/field_value.hpp writes it.
struct KeptField {
  std::string name;
  FieldType type = FieldType::string;

  friend bool operator==(const KeptField&, const KeptField&) = default;
};

/// What a sink must know before the first row; constant over a run.
struct OutputSpec {
  RowKind kind = RowKind::dense;
  std::size_t dims = 0;               ///< of a vector; sparse: tokens of the vocabulary
  OutputType type = OutputType::f32;  ///< of a vector's elements; sparse weights are f32
  float int8_scale = 0.0F;            ///< value = int8 × scale; 0 unless type is int8
  std::vector<KeptField> kept_fields;
  bool chunked = false;     ///< rows are chunks: DocumentBlock::chunks says of what
  bool chunk_text = false;  ///< each with its text
  /// Names of all tokens by id, all distinct; only for a sparse output that is being written.
  std::shared_ptr<const std::vector<std::string>> tokens;
  /// Facts for readers of the shards (model fingerprint, settings): key-value metadata, in order.
  std::vector<std::pair<std::string, std::string>> metadata;

  /// Bytes of one vector.
  std::size_t vector_bytes() const { return embedtool::vector_bytes(type, dims); }
  /// Rows differ in length: EmbeddingBlock::offsets says where each begins.
  bool ragged() const { return kind != RowKind::dense; }
};

/// What is known about one output row besides its vector.
struct RowInfo {
  std::uint32_t record = 0;    ///< index into EmbeddingBlock::documents->records
  std::uint32_t n_tokens = 0;  ///< tokens encoded, special tokens included; 0 for ready vectors
  bool truncated = false;
  Hash128 text_hash;  ///< XXH3-128 of the text's bytes, of the ids or of the vector
};

/// A window's finished rows, in input order, as an EmbeddingSink receives them. A view: everything
/// belongs to the caller and is recycled after write() returns.
struct EmbeddingBlock {
  const DocumentBlock* documents = nullptr;
  std::span<const RowInfo> rows;
  /// Dense and multi: vectors of OutputSpec::vector_bytes() each, back to back.
  std::span<const std::byte> vectors;
  /// Sparse: the rows' entries, back to back, each row's heaviest first.
  std::span<const SparseEntry> weights;
  /// Ragged output: rows.size()+1 ascending indices of vectors or weights. Empty when dense.
  std::span<const std::uint64_t> offsets;
  /// Sparse: names of the tokens, by the entries' token ids.
  std::span<const std::string> tokens;

  /// Index of the first vector or weight of a row, and how many the row has.
  std::uint64_t first_of(std::size_t row) const { return offsets.empty() ? row : offsets[row]; }
  std::uint64_t count_of(std::size_t row) const {
    return offsets.empty() ? 1 : offsets[row + 1] - offsets[row];
  }
  /// A row's vectors; `size` is OutputSpec::vector_bytes().
  std::span<const std::byte> vectors_of(std::size_t row, std::size_t size) const {
    return vectors.subspan(first_of(row) * size, count_of(row) * size);
  }
  std::span<const SparseEntry> weights_of(std::size_t row) const {
    return weights.subspan(first_of(row), count_of(row));
  }
};

}  // namespace embedtool
