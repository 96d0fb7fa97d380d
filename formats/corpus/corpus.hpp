#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports.hpp"

namespace embedtool {

/// Where a resumed run goes on, and by what it knows that it is the same input.
struct ResumePoint {
  std::uint64_t skip = 0;       ///< records (by ordinal) that are done with
  std::uint64_t witnesses = 0;  ///< of that many records …
  std::uint64_t prefix = 0;     ///< … the last had this Record::prefix; 0 witnesses: none
};

/// How corpora are read. A *field* is named by a dotted path into nested objects and arrays
/// (`a.b.0`), or by a JSON pointer (`/a/b.c/0`, for names that hold dots); in CSV and TSV it is a
/// column's name as it stands.
struct CorpusOptions {
  std::vector<std::string> inputs;  ///< files in order; "-" is stdin
  /// One of input_format_names(); empty: by the name's ending (.gz and .zst stripped), else by
  /// content: JSONL if the first character other than white space is `{`, else text.
  std::string format;

  /// Fields that make the text, joined in this order; empty ones are left out of the join, absent
  /// ones make the record a reject. None given: `text`, in records that have an `_id` (BEIR) with
  /// `title` before it.
  std::vector<std::string> text_fields;
  std::string joiner = " ";  ///< between text fields, and between the elements of an array
  /// Empty: `id`, else `_id`, else the record's ordinal. A given field must be there.
  std::string id_field;
  std::vector<std::string> keep;        ///< fields carried along; null where absent or JSON null
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
  /// Where given: soon after it turns true, read() hands out what it has and then ends, also while
  /// it waits for a pipe. Must outlive the source.
  const std::atomic<bool>* stop = nullptr;
};

/// What was read of an input, once it has come to its end.
struct InputDigest {
  std::uint64_t bytes = 0;  ///< as stored
  Hash128 hash;
  bool empty = false;  ///< nothing was in it, once unpacked
};

/// The documents of files and pipes.
class CorpusSource : public DocumentSource {
 public:
  /// Call before the first read(), which then passes over the records that are done with: they are
  /// parsed, counted and dropped. It throws Error(usage), before it has handed out any record,
  /// where the input is not the one that was begun.
  virtual void resume(const ResumePoint& point) = 0;
  /// One entry an input that has been read to its end, in order. Call when read() has ended.
  virtual std::span<const InputDigest> digests() const = 0;
};

/// Opens a corpus: every input is looked at, and the header of every CSV file on disk read, before
/// this returns. `rejects` must outlive the source; the options are copied.
/// Throws Error(usage) on options that do not fit the inputs, Error(failed) on inputs that cannot
/// be read.
std::unique_ptr<CorpusSource> open_corpus(const CorpusOptions& options, RejectSink& rejects);

/// Reads an input to its end and hashes it. Throws Error(failed) on a read error, also when `stop`
/// turned true.
InputDigest digest_input(const std::string& path, const std::atomic<bool>& stop);

/// Names of inputs for messages, as the source's file_names(): what a RejectLog needs before the
/// source exists.
std::vector<std::string> corpus_file_names(const CorpusOptions& options);

/// What CorpusOptions::format accepts.
std::vector<std::string_view> input_format_names();

}  // namespace embedtool
