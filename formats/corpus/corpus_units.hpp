#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "formats/corpus/corpus_options.hpp"
#include "formats/corpus/input_digest.hpp"
#include "formats/io/byte_range.hpp"

namespace embedtool {

/// A part of a corpus that depends on the inputs alone: some whole files, or a range of one file's
/// stored bytes. A record belongs to the range that holds its first byte, a row group likewise.
struct CorpusUnit {
  std::size_t first_file = 0;  ///< by InputList
  std::size_t files = 1;
  bool cut = false;         ///< only `range` of one file
  ByteRange range;          ///< of the file; of whole files, from 0 to the sum of their sizes
  std::uint64_t start = 0;  ///< stored bytes of the corpus before it

  std::uint64_t bytes() const { return range.end - range.begin; }
  friend bool operator==(const CorpusUnit&, const CorpusUnit&) = default;
};

/// What a unit held, once it is read.
struct UnitEnd {
  std::size_t index = 0;           ///< into CorpusOptions::units
  std::uint64_t position = 0;      ///< Record::position of the first record behind it
  std::uint64_t lines = 0;         ///< line ends in its range, if it is cut
  std::vector<InputDigest> files;  ///< what was read of each of its files
};

/// A file that is one unit although it is larger than the others.
struct UncutFile {
  std::size_t file = 0;
  std::uint64_t bytes = 0;
  std::string why;     ///< a clause: "is compressed with gzip"
  std::string remedy;  ///< a clause
};

/// A corpus, cut into units: a function of the inputs' sizes, formats and order, and of the units'
/// size.
struct CorpusCut {
  std::uint64_t unit_bytes = 0;
  std::vector<CorpusUnit> units;  ///< in order; they cover the corpus
  std::vector<UncutFile> uncut;
};

/// The units have numbers of six digits.
inline constexpr std::size_t kMaxUnits = 1000000;

/// The size of units where none is given: a power of two from 1 MiB to 64 MiB, by which a corpus of
/// `total` bytes comes to about a thousand of them.
std::uint64_t default_unit_bytes(std::uint64_t total);

/// Cuts the corpus `options.files` into units of `unit_bytes`, which is a power of two. Files that
/// are larger are cut where their format allows it; smaller ones come several to a unit. Opens the
/// larger ones. Throws Error(usage) for pipes, standard input and too many units, Error(failed) as
/// open_corpus() does.
CorpusCut cut_corpus(const CorpusOptions& options, std::uint64_t unit_bytes);

}  // namespace embedtool
