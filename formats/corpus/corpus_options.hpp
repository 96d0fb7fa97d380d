#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "core/base/enum_words.hpp"

namespace embedtool {

class InputList;
struct CorpusUnit;
struct UnitEnd;

/// What a record without an id of its own is called.
enum class IdFrom : std::uint8_t {
  position,  ///< its number among all records of the inputs, bad ones included, from 0
  offset,    ///< FILE@BYTE: where it begins in its file, unpacked and decoded; FILE@ROW in columns
};
template <>
inline constexpr auto enum_words<IdFrom> = std::to_array<EnumWord<IdFrom>>({
    {IdFrom::position, "position"},
    {IdFrom::offset, "offset"},
});

/// How corpora are read. A *field* is named by a dotted path into nested objects and arrays
/// (`a.b.0`, where a name that itself holds the dots goes first), or by a JSON pointer
/// (`/a/b.c/0`); in CSV and TSV it is a column's exact name.
struct CorpusOptions {
  std::vector<std::string> inputs;  ///< files and folders in order; "-" is stdin
  std::string files_from;           ///< a file with more names, after those; "-" is stdin
  bool nul_names = false;           ///< each name there ends with a NUL, not with a line
  std::vector<std::string> globs;   ///< which files of folders are read; none: all
  std::string except_folder;        ///< never walked: where the output goes
  /// What the five above come to; null: open_corpus() finds out.
  std::shared_ptr<const InputList> files;
  /// Parts of the files, to be read in this order instead of all of them. A record's line then
  /// counts from the beginning of its range, and its position among the records that are read.
  std::shared_ptr<const std::vector<CorpusUnit>> units;
  /// Called for each of them once it is read, from the thread that reads.
  std::function<void(const UnitEnd&)> unit_ended;
  /// One of input_format_names(); empty: by the first block of each input; its name's ending
  /// decides what that leaves open.
  std::string format;

  /// Fields that form the text, joined in this order. Empty ones are skipped; an absent one makes
  /// the record a reject. Default: `text`, preceded by `title` in records with an `_id` (BEIR).
  std::vector<std::string> text_fields;
  std::string joiner = " ";  ///< between text fields, and between the elements of an array
  /// Empty: `id`, else `_id`, else `id_from`. A field that is given must be present.
  std::string id_field;
  IdFrom id_from = IdFrom::position;
  std::vector<std::string> keep;  ///< fields to copy, as for kept_field(); null if absent or null
  std::string ids_field = "input_ids";  ///< final token ids; empty = none
  std::size_t vocab_size = 0;           ///< ids must be below it; 0 = any int32
  std::size_t max_ids = 0;              ///< most ids in a record; 0 = no limit
  std::string vector_field;             ///< ready vectors; empty = none
  std::size_t vector_dims = 0;          ///< numbers a vector must have; 0 = any
  /// Only so many records are read, bad ones included, as if the corpus ended there; 0 = all.
  std::uint64_t limit = 0;
  /// So many of the usable ones among them are used, by `seed`; 0 = all. See corpus_sample.hpp.
  std::uint64_t sample = 0;
  std::uint64_t seed = 0;
  /// Memory for the sample of inputs that can be read only once.
  std::size_t sample_bytes = std::size_t{256} << 20;
  bool unique_ids = false;  ///< a second record with an id is rejected
  bool quotes = true;       ///< CSV and TSV: `"` quotes a field (off: an ordinary byte)
  char delimiter = '\0';    ///< CSV and TSV: between fields; NUL: found out
  /// CSV and TSV: the first record names the columns; else they are named 1, 2, ….
  bool header = true;
  bool long_windows = false;  ///< zstd: windows of up to 2 GiB, not 128 MiB
  /// Memory for what an input unpacks to before records are made of it: the window of a
  /// compression, pages of columns, record batches. Each kind has a bound of its own as well; what
  /// takes more than either is refused.
  std::size_t unpack_bytes = std::numeric_limits<std::size_t>::max();

  std::size_t max_line_bytes = std::size_t{32} << 20;  ///< a longer record is rejected
  std::size_t max_depth = 512;                         ///< of JSON nesting; at most 1000
  std::size_t buffer_bytes = std::size_t{1} << 20;     ///< read at once
  /// If given: soon after it turns true, read() hands out what it has and then ends, even while
  /// waiting for a pipe. Must outlive the source.
  const std::atomic<bool>* stop = nullptr;
  /// If given: takes what is worth knowing of an input, as a sentence. Called from the thread that
  /// opens the corpus and from the one that reads it.
  std::function<void(const std::string&)> warn;
  /// If given: takes what each file was, once it is read, as a clause. Likewise.
  std::function<void(const std::string&)> detail;

  /// For a look at the inputs beside the run, which says these things itself.
  void silence() { warn = detail = nullptr; }
};

}  // namespace embedtool
