#pragma once

// NumPy's .npy format, version 1.0. Source: numpy.lib.format's documentation.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/data.hpp"
#include "formats/io/durable_file.hpp"
#include "formats/output/json_rows.hpp"
#include "formats/output/manifest.hpp"

namespace embedtool {

/// Fixed length, so that the shape can be filled in afterwards.
inline constexpr std::size_t kNpyHeaderBytes = 128;

/// Header of a C-ordered array: `columns` 0 = one-dimensional.
std::array<std::byte, kNpyHeaderBytes> npy_header(std::string_view dtype, std::uint64_t rows,
                                                  std::uint64_t columns);

/// Header of `vectors` vectors of an output: <f4, <f2 or |i1 × dims, or packed bits as |u1.
std::array<std::byte, kNpyHeaderBytes> npy_vectors_header(const OutputSpec& spec,
                                                          std::uint64_t vectors);

/// Shape and type of a header written by npy_header(); throws Error naming `file` otherwise.
struct NpyShape {
  std::string dtype;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
};
NpyShape read_npy_header(const RandomBytes& file);

/// The files of an npy output: vectors, ids, and offsets for multi-vector output.
struct NpyNames {
  std::string vectors;  ///< .npy
  std::string ids;      ///< .jsonl, one line per row
  std::string offsets;  ///< .npy, rows + 1 indices into the vectors; multi-vector only
};

/// Writes them. Not thread-safe; nothing is visible before finish().
class NpyFiles {
 public:
  /// `directory` outlives the object.
  NpyFiles(const Directory& directory, NpyNames names, const OutputSpec& spec);

  void write(const EmbeddingBlock& block);
  /// Fills in the shapes and publishes, the vectors last.
  std::vector<FileEntry> finish();

  std::uint64_t rows() const { return rows_; }
  std::uint64_t bytes() const;

 private:
  void write_offsets(const EmbeddingBlock& block);

  OutputSpec spec_;
  NpyNames names_;
  JsonRows json_;
  DurableFile vectors_file_;
  DurableFile ids_file_;
  std::unique_ptr<DurableFile> offsets_file_;
  std::string lines_;
  std::vector<std::int64_t> offsets_;
  std::uint64_t rows_ = 0;
  std::uint64_t vectors_ = 0;
};

}  // namespace embedtool
