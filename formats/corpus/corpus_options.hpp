#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <vector>

namespace embedtool {

/// How corpora are read. A *field* is named by a dotted path into nested objects and arrays
/// (`a.b.0`), or by a JSON pointer (`/a/b.c/0`, for names that hold dots); in CSV and TSV it is a
/// column's exact name.
struct CorpusOptions {
  std::vector<std::string> inputs;  ///< files in order; "-" is stdin
  /// One of input_format_names(); empty: by the name's ending (.gz and .zst stripped), else by
  /// content: JSONL if the first character other than white space is `{`, else text.
  std::string format;

  /// Fields that form the text, joined in this order. Empty ones are skipped; an absent one makes
  /// the record a reject. Default: `text`, preceded by `title` in records with an `_id` (BEIR).
  std::vector<std::string> text_fields;
  std::string joiner = " ";  ///< between text fields, and between the elements of an array
  /// Empty: `id`, else `_id`, else the record's ordinal. A field that is given must be present.
  std::string id_field;
  std::vector<std::string> keep;        ///< fields to copy; null if absent or JSON null
  std::string ids_field = "input_ids";  ///< final token ids; empty = none
  std::size_t vocab_size = 0;           ///< ids must be below it; 0 = any int32
  std::size_t max_ids = 0;              ///< most ids in a record; 0 = no limit
  std::string vector_field;             ///< ready vectors; empty = none
  std::size_t vector_dims = 0;          ///< numbers a vector must have; 0 = any
  bool unique_ids = false;              ///< a second record with an id is rejected
  bool quotes = true;                   ///< CSV and TSV: `"` quotes a field (off: an ordinary byte)

  std::size_t max_line_bytes = std::size_t{32} << 20;  ///< a longer record is rejected
  std::size_t max_depth = 512;                         ///< of JSON nesting; at most 1000
  std::size_t buffer_bytes = std::size_t{1} << 20;     ///< read at once
  /// If given: soon after it turns true, read() hands out what it has and then ends, even while
  /// waiting for a pipe. Must outlive the source.
  const std::atomic<bool>* stop = nullptr;
};

}  // namespace embedtool
