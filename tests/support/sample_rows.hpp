#pragma once

// Seeded rows for tests of outputs: every dtype, one vector a row or several, odd ids, kept fields
// that are sometimes null. Only the standard library and core types.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "core/data.hpp"

namespace embedtool::testing {

/// Rows with their storage.
struct SampleRows {
  DocumentBlock documents;
  std::vector<RowInfo> rows;
  std::vector<std::byte> vectors;
  std::vector<std::uint64_t> vector_offsets;

  EmbeddingBlock view() const { return {&documents, rows, vectors, vector_offsets}; }
};

inline OutputSpec sample_spec(OutputType type, std::size_t dims, bool multi, std::size_t kept) {
  OutputSpec spec;
  spec.type = type;
  spec.dims = dims;
  spec.multi_vector = multi;
  spec.int8_scale = type == OutputType::int8 ? 0.0078125F : 0.0F;
  for (std::size_t i = 0; i < kept; ++i) spec.kept_fields.push_back("field_" + std::to_string(i));
  spec.metadata = {{"model", "sample \"model\""}, {"settings", "{\"pooling\":\"mean\"}"}};
  return spec;
}

class RowGenerator {
 public:
  RowGenerator(OutputSpec spec, std::uint64_t seed) : spec_(std::move(spec)), random_(seed) {}

  SampleRows make(std::size_t count) {
    SampleRows out;
    if (spec_.multi_vector) out.vector_offsets.push_back(0);
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
      out.documents.kept.push_back(below(4) == 0 ? Slice::null() : out.documents.append(text()));
    }
    const std::size_t vectors = spec_.multi_vector ? below(5) : 1;
    for (std::size_t i = 0; i < vectors; ++i) add_vector(out.vectors);
    if (spec_.multi_vector) out.vector_offsets.push_back(out.vector_offsets.back() + vectors);
    out.rows.push_back(info);
  }

  OutputSpec spec_;
  std::mt19937_64 random_;
  std::uint64_t ordinal_ = 0;
};

/// Rows first … last-1 as a block of their own that shares the storage. Multi-vector offsets are
/// absolute indices, so that a window of them is just a part of the span.
inline EmbeddingBlock part_of(const SampleRows& all, const OutputSpec& spec, std::size_t first,
                              std::size_t last) {
  EmbeddingBlock block = all.view();
  block.rows = block.rows.subspan(first, last - first);
  if (spec.multi_vector) {
    block.vector_offsets = block.vector_offsets.subspan(first, last - first + 1);
  } else {
    const std::size_t size = vector_bytes(spec.type, spec.dims);
    block.vectors = block.vectors.subspan(first * size, (last - first) * size);
  }
  return block;
}

}  // namespace embedtool::testing
