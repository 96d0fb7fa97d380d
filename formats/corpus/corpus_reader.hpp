#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "formats/corpus/corpus_fields.hpp"
#include "formats/corpus/corpus_record.hpp"
#include "formats/io/byte_range.hpp"
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
  /// After prepare(): what follows in the window is another line's beginning, line `line` of the
  /// range that is read.
  virtual void restart(std::uint64_t /*line*/) {}
};

/// The first block of an input, unpacked and, if it is text, decoded to UTF-8.
struct InputHead {
  std::string_view bytes;
  bool whole = false;  ///< nothing follows them
};

/// What a reader works with; everything in it outlives the reader, except for the head.
struct ReaderContext {
  ByteWindow& window;
  RecordBuilder& builder;
  const CorpusOptions& options;
  const FieldPlan& plan;
  const std::string& file_name;  ///< for messages
  const std::string& path;       ///< as opened: "-" is stdin
  InputHead head;                ///< what the window holds; valid while the reader is opened
  /// Which rows are read, by their place in the file; none: all. Only for Cut::row_groups.
  std::optional<ByteRange> range = std::nullopt;
  /// Memory for columns before records are made of them.
  std::size_t unpack_bytes = std::numeric_limits<std::size_t>::max();
};

/// Where a file may be cut into ranges that are read on their own, each record in one of them.
enum class Cut : std::uint8_t {
  nowhere,
  lines,           ///< behind each line end
  unquoted_lines,  ///< likewise, without CorpusOptions::quotes
  row_groups,      ///< before each
};

/// How well an input's first block fits a format.
enum class Fit : std::uint8_t {
  no,        ///< it cannot be this format
  possible,  ///< it can be, if the file's name says so
  likely,    ///< it is, unless the name says otherwise and that is possible, too
  certain,   ///< it is, whatever the name says
};

/// One row of the table of input formats.
struct InputFormat {
  std::string_view name;
  std::array<std::string_view, 3> endings;  ///< of file names; unused ones empty
  Fit (*fit)(const InputHead& head, const CorpusOptions& options);
  std::unique_ptr<RecordReader> (*open)(const ReaderContext& context);
  /// Told by its first bytes as stored: neither decoded to UTF-8 nor checked for foreign kinds.
  bool binary = false;
  Cut cut = Cut::nowhere;
};

std::unique_ptr<RecordReader> open_jsonl(const ReaderContext& context);
std::unique_ptr<RecordReader> open_json(const ReaderContext& context);
std::unique_ptr<RecordReader> open_text(const ReaderContext& context);
std::unique_ptr<RecordReader> open_csv(const ReaderContext& context);
std::unique_ptr<RecordReader> open_tsv(const ReaderContext& context);
std::unique_ptr<RecordReader> open_file(const ReaderContext& context);
std::unique_ptr<RecordReader> open_parquet(const ReaderContext& context);
std::unique_ptr<RecordReader> open_arrow(const ReaderContext& context);

std::span<const InputFormat> input_formats();
/// The format of that name, or null.
const InputFormat* find_input_format(std::string_view name);
/// The format for a file name's ending, after removing those of compressions, or null.
const InputFormat* input_format_of(std::string_view file_name);

/// The binary format that the first bytes, as stored, belong to, or null.
const InputFormat* binary_format_of(const InputHead& stored, const CorpusOptions& options);

/// What an input is taken for.
struct FormatChoice {
  const InputFormat* format = nullptr;
  std::string doubt;  ///< what speaks against it, as a clause; empty if nothing does
};
/// Chooses by the whole first block; the name decides among what it leaves open.
FormatChoice choose_input_format(const InputHead& head, std::string_view file_name,
                                 const CorpusOptions& options);

}  // namespace embedtool
