#pragma once

#include <cstdint>
#include <string>

#include "core/base/enum_words.hpp"

namespace embedtool {

enum class ExportFormat : std::uint8_t {
  npy,      ///< the vectors as stored; with X.ids.jsonl and, for multi-vector output, X.offsets.npy
  jsonl,    ///< {"id":…,"embedding":[…],kept…} a line
  fvecs,    ///< for each vector its dimensions as int32, then f32 (int8 scaled, binary ±1)
  parquet,  ///< all shards in one file
};
template <>
inline constexpr auto enum_words<ExportFormat> = std::to_array<EnumWord<ExportFormat>>({
    {ExportFormat::npy, "npy"},
    {ExportFormat::jsonl, "jsonl"},
    {ExportFormat::fvecs, "fvecs"},
    {ExportFormat::parquet, "parquet"},
});

struct ExportOptions {
  bool overwrite = false;  ///< else an existing file is refused
  int zstd_level = 1;      ///< of Parquet
};

/// Rows and vectors that were written.
struct ExportCounts {
  std::uint64_t rows = 0;
  std::uint64_t vectors = 0;
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
