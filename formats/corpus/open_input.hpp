#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "formats/corpus/corpus_fields.hpp"
#include "formats/corpus/corpus_reader.hpp"
#include "formats/corpus/corpus_record.hpp"
#include "formats/corpus/input_digest.hpp"
#include "formats/io/byte_range.hpp"
#include "formats/io/bytes_window.hpp"

namespace embedtool {

/// What an input is, is decided by so many bytes.
inline constexpr std::size_t kHeadBytes = std::size_t{64} << 10;

/// One input being read, or a range of it: its bytes, the window over them and, once the format is
/// clear, the reader. Not thread-safe.
class OpenInput {
 public:
  /// `range`: what is read of it, null = all. All references must outlive this.
  OpenInput(const CorpusOptions& options, const std::string& path, const ByteRange* range,
            const FieldPlan& plan, RecordBuilder& builder, ByteCounters& counters);

  /// Finds out what there is before the first record. False when blocked: call again. Throws
  /// Error(failed) for what is not a corpus.
  bool prepare(Wait wait);
  /// After prepare().
  const InputFormat& format() const { return *format_; }
  /// After prepare(): "gzip"; empty if there is none.
  std::string_view compression() const { return stream_.compression(); }
  /// After prepare(): why it cannot be read in ranges, as a clause; empty if it can.
  std::string uncuttable() const;

  RecordReader::Step next(Wait wait);

  const ByteWindow& window() const { return window_; }
  /// Of what was read of it.
  InputDigest digest() const;
  /// Line ends in its range.
  std::uint64_t line_ends() const { return stream_.line_ends(); }

 private:
  bool fill_head(Wait wait, InputHead& head);
  bool open_reader(Wait wait);
  void expect_text(const InputHead& head);
  const InputFormat* choose_text_format(const InputHead& head);
  void enter_range();

  const CorpusOptions& options_;
  const std::string path_;
  const ByteRange* range_;
  const FieldPlan& plan_;
  RecordBuilder& builder_;
  const ByteCounters& counters_;
  const std::uint64_t unpacked_before_;  ///< this input: all inputs share the counters
  ByteStream stream_;
  ByteWindow window_;
  std::unique_ptr<RecordReader> reader_;
  const InputFormat* format_ = nullptr;
  bool examined_ = false;  ///< is known to be no foreign kind, and decoded
  bool prepared_ = false;
};

}  // namespace embedtool
