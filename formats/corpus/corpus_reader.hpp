#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "formats/corpus/corpus_fields.hpp"
#include "formats/corpus/corpus_record.hpp"
#include "formats/io/bytes_window.hpp"

namespace embedtool {

/// Reads the records of one file. Not thread-safe.
class RecordReader {
 public:
  enum class Step : std::uint8_t {
    record,    ///< one went to the builder
    rejected,  ///< one was rejected
    blocked,   ///< the producer is slow; only with Wait::no, or when the run is being stopped
    end,
  };

  virtual ~RecordReader() = default;
  /// Reads what precedes the first record (a header). False when blocked: call again.
  virtual bool prepare(Wait) { return true; }
  virtual Step next(Wait wait) = 0;
};

/// What a reader works with; everything in it outlives the reader.
struct ReaderContext {
  ByteWindow& window;
  RecordBuilder& builder;
  const CorpusOptions& options;
  const FieldPlan& plan;
  const std::string& file_name;
};

/// One row of the table of input formats.
struct InputFormat {
  std::string_view name;
  std::array<std::string_view, 3> endings;  ///< of file names; unused ones empty
  std::unique_ptr<RecordReader> (*open)(const ReaderContext& context);
  /// Does it begin with a header? Then it is read, and checked, before work starts.
  bool has_header = false;
};

std::unique_ptr<RecordReader> open_jsonl(const ReaderContext& context);
std::unique_ptr<RecordReader> open_text(const ReaderContext& context);
std::unique_ptr<RecordReader> open_csv(const ReaderContext& context);
std::unique_ptr<RecordReader> open_tsv(const ReaderContext& context);

std::span<const InputFormat> input_formats();
/// The format of that name, or null.
const InputFormat* find_input_format(std::string_view name);
/// The format for a file name's ending, after removing .gz and .zst, or null.
const InputFormat* input_format_of(std::string_view file_name);

}  // namespace embedtool
