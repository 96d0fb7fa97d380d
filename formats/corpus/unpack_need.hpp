#pragma once

#include <cstdint>

#include "formats/corpus/corpus_options.hpp"

namespace embedtool {

/// What memory a corpus may take before records are made of its bytes: see
/// CorpusOptions::unpack_bytes.
enum class UnpackNeed : std::uint8_t {
  none,     ///< text, or packed by compressions that take a few MiB
  unknown,  ///< there are pipes, or more files than are looked at
  large,    ///< there are columns, or compressions with large windows
};

/// Reads the first bytes of files until the answer is clear. `options.files` is set. Throws
/// Error(failed) naming a file that cannot be read.
UnpackNeed unpack_need(const CorpusOptions& options);

}  // namespace embedtool
