#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/enum_words.hpp"
#include "formats/output/export_columns.hpp"
#include "formats/output/json_rows.hpp"

namespace embedtool {

enum class ExportFormat : std::uint8_t {
  npy,      ///< the vectors as stored; with X.ids.jsonl and, for multi-vector output, X.offsets.npy
  jsonl,    ///< {"id":…,"embedding":[…],kept…} a line
  parquet,  ///< all shards in one file
  arrow,    ///< Arrow IPC: a file, or on a descriptor a stream
  csv,      ///< these and the next: export_formats.hpp
  fvecs,
  bvecs,
  pgcopy,
  faiss,
};
template <>
inline constexpr auto enum_words<ExportFormat> = std::to_array<EnumWord<ExportFormat>>({
    {ExportFormat::npy, "npy"},
    {ExportFormat::jsonl, "jsonl"},
    {ExportFormat::parquet, "parquet"},
    {ExportFormat::arrow, "arrow"},
    {ExportFormat::csv, "csv"},
    {ExportFormat::pgcopy, "pgcopy"},
    {ExportFormat::pgcopy, "pgvector"},
    {ExportFormat::faiss, "faiss"},
    {ExportFormat::fvecs, "fvecs"},
    {ExportFormat::bvecs, "bvecs"},
});

struct ExportOptions {
  bool overwrite = false;                             ///< else an existing file is refused
  JsonEmbedding embedding_as = JsonEmbedding::array;  ///< of jsonl
  ExportId id_type = ExportId::string;                ///< of formats with ids
  bool row_numbers = false;  ///< a column of them, from 0, in formats with columns
};

/// Rows and vectors that were written.
struct ExportCounts {
  std::uint64_t rows = 0;
  std::uint64_t vectors = 0;
  std::string table;                ///< pgcopy: the SQL that makes the table `items` for it
  std::vector<std::string> beside;  ///< npy: the files that were written next to it
};

/// Copies a complete Parquet output into one file of another format, which appears complete or not
/// at all. Memory is bounded by a block of rows. Throws Error naming the file.
ExportCounts export_output(const std::string& directory, ExportFormat format,
                           const std::string& path, const ExportOptions& options = {});

/// The same, to a descriptor that the caller owns; npy is then only the vectors. `name` is for
/// messages. Throws ClosedPipe when the reader has closed the pipe.
ExportCounts export_stream(const std::string& directory, ExportFormat format, int fd,
                           const std::string& name, const ExportOptions& options = {});

}  // namespace embedtool
