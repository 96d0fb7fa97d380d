#pragma once

// Seeded rows for tests of outputs: every dtype, one vector a row or several, odd ids, kept fields
// that are sometimes null. Only the standard library and core types.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/data.hpp"
#include "formats/io/field_value.hpp"

namespace embedtool::testing {

/// Rows with their storage.
struct SampleRows {
  DocumentBlock documents;
  std::vector<RowInfo> rows;
  std::vector<std::byte> vectors;
  std::vector<SparseEntry> weights;
  std::vector<std::uint64_t> offsets;

  std::vector<std::string> tokens;  ///< names, of sparse rows

  EmbeddingBlock view() const { return {&documents, rows, vectors, weights, offsets, tokens}; }
};

OutputSpec sample_spec(OutputType type, std::size_t dims, bool multi, std::size_t kept);

/// Weights of some of `dims` tokens; names of many scripts and lengths, each another one.
OutputSpec sparse_spec(std::size_t dims, std::size_t kept);

/// Every row kind and element type, of 24 dimensions or 300 tokens, with one kept field.
std::vector<OutputSpec> all_specs();

class RowGenerator {
 public:
  RowGenerator(OutputSpec spec, std::uint64_t seed) : spec_(std::move(spec)), random_(seed) {}

  SampleRows make(std::size_t count) {
    SampleRows out;
    if (spec_.ragged()) out.offsets.push_back(0);
    if (spec_.tokens) out.tokens = *spec_.tokens;
    for (std::size_t i = 0; i < count; ++i) add(out);
    return out;
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  std::string text() {
    static constexpr const char* kPieces[] = {"a",    "Z", "\"", "\\",         "\n", "\t",
                                              "\x01", "é", "漢", "\U0001F600", "/",  " "};
    std::string s;
    for (std::uint64_t n = below(12); n > 0; --n) s += kPieces[below(std::size(kPieces))];
    return s;
  }

  void add_vector(std::vector<std::byte>& out) {
    const std::size_t at = out.size();
    out.resize(at + vector_bytes(spec_.type, spec_.dims));
    if (spec_.type == OutputType::f32) {
      std::normal_distribution<float> normal(0.0F, 0.05F);
      for (std::size_t i = 0; i < spec_.dims; ++i) {
        const float v = normal(random_);
        std::memcpy(&out[at + i * 4], &v, 4);
      }
    } else if (spec_.type == OutputType::f16) {
      for (std::size_t i = 0; i < spec_.dims; ++i) {
        // Any finite half: sign, exponent below the infinities' 31, mantissa.
        const auto v = static_cast<std::uint16_t>(below(2) << 15 | below(31) << 10 | below(1024));
        std::memcpy(&out[at + i * 2], &v, 2);
      }
    } else {
      for (std::size_t i = at; i < out.size(); ++i) out[i] = static_cast<std::byte>(below(256));
      // Bits past the last dimension are zero, as packbits leaves them.
      if (spec_.type == OutputType::binary && spec_.dims % 8 != 0) {
        out.back() &= static_cast<std::byte>(0xFF << (8 - spec_.dims % 8));
      }
    }
  }

  /// A row's weights, heaviest first: tokens a random stride apart, so that none comes twice.
  std::size_t add_weights(std::vector<SparseEntry>& out) {
    const std::size_t count = below(std::min<std::size_t>(spec_.dims, 40) + 1);
    const std::size_t first = below(spec_.dims);
    float weight = 3.0F;
    for (std::size_t i = 0; i < count; ++i) {
      weight *= 0.5F + static_cast<float>(below(1000)) / 2000.0F;
      out.push_back({static_cast<TokenId>((first + i) % spec_.dims), weight});
    }
    return count;
  }

  void add_chunk(DocumentBlock& documents) {
    ChunkPlace& place = documents.chunks.emplace_back();
    place.document = documents.append(text());
    if (spec_.chunk_text) place.text = documents.append(text());
    for (const ChunkNumber& number : kChunkNumbers) {
      place.*number.value = static_cast<std::uint32_t>(below(std::uint64_t{1} << 31U));
    }
  }

  /// A value of a kept field, as text.
  std::string field(FieldType type) {
    switch (type) {
      case FieldType::string:
        return text();
      case FieldType::int64:
        // Where some are missing, pandas makes doubles of all.
        return canonical_text(static_cast<std::int64_t>(random_() >> (11 + below(53))) *
                              (below(2) == 0 ? 1 : -1));
      case FieldType::float64:
        return canonical_text((static_cast<double>(below(2000)) - 1000) / 7);
      case FieldType::boolean:
        return std::string(canonical_text(below(2) == 0));
    }
    return {};
  }

  void add(SampleRows& out) {
    Record record;
    record.ordinal = ordinal_++;
    record.id =
        out.documents.append(below(8) == 0 ? text() : "row-" + std::to_string(record.ordinal));
    RowInfo info;
    info.record = static_cast<std::uint32_t>(out.documents.records.size());
    info.n_tokens = static_cast<std::uint32_t>(below(513));
    info.truncated = below(3) == 0;
    info.text_hash = {random_(), random_()};
    out.documents.records.push_back(record);
    for (std::size_t i = 0; i < spec_.kept_fields.size(); ++i) {
      const FieldType type = spec_.kept_fields[i].type;
      out.documents.kept.push_back(below(4) == 0 ? Slice::null()
                                                 : out.documents.append(field(type)));
    }
    if (spec_.chunked) add_chunk(out.documents);
    std::size_t vectors = spec_.kind == RowKind::multi ? below(5) : 1;
    if (spec_.kind == RowKind::sparse) {
      vectors = add_weights(out.weights);
    } else {
      for (std::size_t i = 0; i < vectors; ++i) add_vector(out.vectors);
    }
    if (spec_.ragged()) out.offsets.push_back(out.offsets.back() + vectors);
    out.rows.push_back(info);
  }

  OutputSpec spec_;
  std::mt19937_64 random_;
  std::uint64_t ordinal_ = 0;
};

/// Rows first … last-1 as a block of their own that shares the storage. Multi-vector offsets are
/// absolute indices, so that a window of them is just a part of the span.
EmbeddingBlock part_of(const SampleRows& all, const OutputSpec& spec, std::size_t first,
                       std::size_t last);

}  // namespace embedtool::testing
