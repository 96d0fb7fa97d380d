#pragma once

// The formats that export writes row by row, each in one pass.

#include <cstdint>
#include <memory>
#include <string>

#include "core/data.hpp"
#include "formats/io/byte_io.hpp"
#include "formats/output/export_columns.hpp"

namespace embedtool {

/// Writes rows of one output to a ByteSink that outlives it. Not thread-safe.
class RowWriter {
 public:
  virtual ~RowWriter() = default;
  virtual void write(const EmbeddingBlock& block) = 0;
  /// After the last row.
  virtual void finish() {}
};

// Each throws Error(usage) where the format cannot hold such rows. csv holds any, pgcopy dense and
// sparse ones, faiss dense ones; fvecs and bvecs hold the vectors of all rows one after another.
// `name` is for messages.

/// A header line, then for each row id, embedding and the kept fields (RFC 4180). An embedding is
/// JSON as in jsonl: "[0.1,0.2]".
std::unique_ptr<RowWriter> open_csv(const OutputSpec& spec, ByteSink& out);

/// For each vector its dimensions as int32, then f32 (int8 scaled, binary as ±1).
std::unique_ptr<RowWriter> open_fvecs(const OutputSpec& spec, ByteSink& out,
                                      const std::string& name);
/// For each vector its bytes as int32, then the bytes: int8 plus 128, or packed bits.
std::unique_ptr<RowWriter> open_bvecs(const OutputSpec& spec, ByteSink& out,
                                      const std::string& name);

/// PostgreSQL's COPY BINARY: id text or uuid, embedding, kept fields. f32 is pgvector's vector, f16
/// halfvec, int8 vector (scaled), binary bit, and sparse rows sparsevec, for which the entries'
/// tokens must be numbers of the vocabulary. Sources: PostgreSQL's documentation of COPY, "Binary
/// Format"; vector_recv() and halfvec_recv() of pgvector 0.8.
std::unique_ptr<RowWriter> open_pgcopy(const OutputSpec& spec, ExportId id_type, ByteSink& out,
                                       const std::string& name);
/// The statement that makes the table for it.
std::string pgcopy_table(const OutputSpec& spec, ExportId id_type, const std::string& table);

/// A file for faiss.read_index() of `rows` vectors: IndexFlatIP of f32 (int8 scaled, f16 widened),
/// or, for faiss.read_index_binary(), IndexBinaryFlat of packed bits. Source: index_write.cpp of
/// Faiss 1.7 to 1.12.
std::unique_ptr<RowWriter> open_faiss(const OutputSpec& spec, std::uint64_t rows, ByteSink& out,
                                      const std::string& name);

}  // namespace embedtool
