#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/arrow/arrow_batch.hpp"
#include "formats/arrow/arrow_schema.hpp"
#include "formats/columns/column_rows.hpp"
#include "formats/io/byte_io.hpp"
#include "formats/io/bytes_window.hpp"

namespace embedtool::arrow {

/// Both of Arrow's IPC formats. A stream is read front to back. A file is read by the index at its
/// end; where there is only a pipe, front to back as well: it is a stream between a magic number
/// and the index. The wanted buffers of one record batch are in memory at a time, and the
/// dictionaries. Throws TooLarge for more of them than allowed. Not thread-safe.
class ArrowRows final : public ColumnRows {
 public:
  /// `window` outlives the reader. `file`: a file to be read by its index; null: read the window.
  /// Buffers take `batch_bytes` of memory at most.
  ArrowRows(ByteWindow& window, std::unique_ptr<RandomBytes> file,
            std::size_t batch_bytes = kMaxBatchBytes)
      : window_(window), file_(std::move(file)), most_bytes_(batch_bytes) {}

  bool open(Wait wait) override;
  const ColumnNode& columns() const override { return schema_.root; }
  void select(const std::vector<bool>& wanted) override;
  bool next_row(Wait wait, bool& blocked) override;
  bool scalar(const ColumnNode& leaf, std::string_view& raw) override;
  Found numbers(const ColumnNode& list, std::size_t most, std::vector<double>& out) override;
  void append_json(const ColumnNode& column, std::size_t most, std::string& out) override;
  std::uint64_t position() const override { return position_; }

 private:
  /// How far the message at hand has been read.
  enum class Stage : std::uint8_t { magic, size, header, body, rest, done };
  /// A dictionary, as it came, in one piece or more.
  struct Dictionary {
    struct Part {
      std::vector<std::vector<std::byte>> buffers;
      Array values;
    };
    std::vector<Part> parts;
  };
  class JsonWriter;

  bool read_message(Wait wait);
  bool take(Wait wait, std::size_t size);
  bool skip(Wait wait, std::uint64_t size);
  void open_file();
  void next_block();
  bool read_size(Wait wait);
  bool read_header(Wait wait);
  bool read_body(Wait wait);
  bool read_rest(Wait wait);
  void begin_body();
  void finish_body();
  void unpack_buffer();
  void charge(std::size_t bytes);
  bool is_null_above(const ColumnNode& node) const;
  bool value_of(const ColumnNode& node, std::uint64_t index, std::string_view& out) const;
  const Array& array(const ColumnNode& node) const { return arrays_[node.id]; }

  ByteWindow& window_;
  std::unique_ptr<RandomBytes> file_;
  std::size_t most_bytes_;             ///< that a batch and the dictionaries may take
  std::uint64_t position_ = 0;         ///< in file_
  std::vector<std::uint64_t> blocks_;  ///< of file_: where its dictionaries, then its batches begin
  std::size_t next_block_ = 0;
  Stage stage_ = Stage::magic;
  bool is_file_ = false;
  bool has_schema_ = false;
  std::vector<std::byte> taken_;  ///< of the piece being read
  std::size_t header_size_ = 0;
  std::vector<std::byte> header_;  ///< the message at hand, verified
  std::int16_t version_ = 0;
  std::uint64_t body_left_ = 0;
  std::uint64_t body_at_ = 0;
  std::unique_ptr<BatchPlan> plan_;  ///< of the body being read; null: it is skipped
  std::int64_t dictionary_ = -1;     ///< the body is of this one, if is_dictionary_
  bool is_dictionary_ = false;
  bool is_delta_ = false;
  std::vector<std::vector<std::byte>> buffers_;  ///< of the body being read

  ArrowSchema schema_;
  std::vector<bool> wanted_;
  std::vector<std::vector<std::byte>> batch_;  ///< buffers of the batch at hand
  std::vector<Array> arrays_;                  ///< of it, by node
  std::map<std::int64_t, Dictionary> dictionaries_;
  std::size_t dictionary_bytes_ = 0;
  std::size_t batch_bytes_ = 0;
  std::uint64_t row_ = 0;   ///< in the batch
  std::uint64_t rows_ = 0;  ///< of the batch
  std::string tail_;        ///< a file's last bytes
};

}  // namespace embedtool::arrow
