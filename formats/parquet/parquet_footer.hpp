#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "formats/io/byte_io.hpp"
#include "formats/parquet/parquet_metadata.hpp"

namespace embedtool::parquet {

/// A file begins and ends with it.
inline constexpr std::string_view kMagic = "PAR1";
/// A file with an encrypted footer has this in its place.
inline constexpr std::string_view kEncryptedMagic = "PARE";

struct Footer {
  FileMeta meta;
  std::uint64_t start = 0;  ///< its position in the file
};

/// Reads the metadata at a file's end. Throws Damaged; Unsupported for an encrypted footer and for
/// one of more than 64 MiB.
Footer read_footer(const RandomBytes& in);

/// What ends a file: the metadata, its length and the magic bytes.
std::vector<std::byte> make_footer(const FileMeta& meta);

}  // namespace embedtool::parquet
