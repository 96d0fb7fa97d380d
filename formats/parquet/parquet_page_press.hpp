#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/base/jobs.hpp"
#include "core/base/mutex.hpp"
#include "formats/parquet/parquet_codec.hpp"
#include "formats/parquet/parquet_encoding.hpp"
#include "formats/parquet/parquet_schema.hpp"
#include "formats/parquet/parquet_statistics.hpp"

namespace embedtool::parquet {

/// A data page: first its rows, then what the file has of them.
struct Page {
  explicit Page(const ColumnLayout& layout);
  /// Ready for other rows.
  void clear();
  /// In the file, once it is pressed: the body follows the head.
  std::size_t size() const { return head.size() + body.size(); }

  // Of the rows.
  std::vector<std::byte> values;  ///< plain
  RunEncoder repetition;
  RunEncoder definition;
  std::size_t levels = 0;
  std::size_t booleans = 0;
  std::int64_t rows = 0;
  ValueRange range;
  // Of the file.
  std::vector<std::byte> head;
  std::vector<std::byte> body;
  std::size_t raw_bytes = 0;  ///< uncompressed, with the header
  bool is_stored = false;     ///< the values became the body, uncopied
};

/// Turns pages into what the file has of them: encodes, packs and checksums, on a runner's threads
/// if it has one. For one thread.
class PagePress {
 public:
  /// `zstd_level` 1 to 19.
  explicit PagePress(int zstd_level = 3) : zstd_level_(zstd_level) {}

  void set_runner(JobRunner* runner) { jobs_.set_runner(runner); }
  /// Both stay as they are, and where they are, until wait() has returned.
  void press(Page& page, const ColumnLayout& layout);
  /// Returns when all pages are pressed. Throws Error on failure (memory).
  void wait() { jobs_.wait(); }
  /// An empty one, for a page's values, with room where a packed page has left its own.
  std::vector<std::byte> spare_buffer();
  /// A dictionary page of these bytes, at once.
  void press_dictionary(std::span<const std::byte> raw, std::size_t values,
                        const ColumnLayout& layout, Page& page);

 private:
  /// What one page needs at a time.
  struct Tools {
    explicit Tools(int zstd_level) : codec(zstd_level) {}
    PageCodec codec;
    std::vector<std::byte> encoded;
  };

  void keep_buffer(std::vector<std::byte> buffer);
  void with_tools(const std::function<void(Tools&)>& use);

  int zstd_level_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Tools>> idle_ EMBEDTOOL_GUARDED_BY(mutex_);
  std::vector<std::vector<std::byte>> spare_ EMBEDTOOL_GUARDED_BY(mutex_);
  JobSet jobs_;  ///< last: its jobs use all that is above
};

}  // namespace embedtool::parquet
