#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "formats/arrow/arrow_schema.hpp"

namespace embedtool::arrow {

namespace wire {
struct RecordBatch;
}

/// Bytes that the wanted buffers of a record batch, and of all dictionaries, may take together.
inline constexpr std::size_t kMaxBatchBytes = std::size_t{1} << 30;

/// One buffer of a batch's body: where it is there, and where its bytes go.
struct BufferPlace {
  std::uint64_t offset = 0;  ///< in the body
  std::uint64_t size = 0;    ///< as stored
};

/// The values of one column, or of a part of one, in a batch: views of the batch's buffers. Indices
/// are checked at each access; throws Damaged.
struct Array {
  std::uint64_t length = 0;
  bool has_nulls = false;
  std::span<const std::byte> validity;
  std::span<const std::byte> offsets;  ///< or views
  std::span<const std::byte> data;
  std::vector<std::span<const std::byte>> view_data;

  bool is_null(std::uint64_t index) const;
  /// The value of a layout without children; false if it is null. A bit becomes a byte of `bit`.
  bool value(Layout layout, std::size_t width, std::uint64_t index, std::string_view& out) const;
  /// Where a list's elements are.
  void range(const NodeLayout& layout, std::uint64_t index, std::uint64_t& begin,
             std::uint64_t& end) const;
};

/// What a batch's header says of its arrays: which node has which buffers.
class BatchPlan {
 public:
  /// The arrays of `root` and what is below it; `wanted` by ColumnNode::id (for a dictionary's
  /// values: null). Throws Damaged, Unsupported for buffers out of order and TooLarge.
  BatchPlan(const wire::RecordBatch& batch, const ArrowSchema& schema,
            const std::vector<bool>& wanted, std::int16_t version);
  /// One array of values that do not nest: those of a dictionary.
  BatchPlan(const wire::RecordBatch& batch, Layout layout, std::size_t width);

  std::uint64_t rows() const { return rows_; }
  /// The wanted buffers, ascending and disjoint.
  std::span<const BufferPlace> places() const { return places_; }
  enum class Packing : std::uint8_t { none, lz4, zstd };
  Packing packing() const { return packing_; }

  /// The arrays by node, once `buffers` holds the bytes of places(), unpacked.
  std::vector<Array> arrays(std::span<const std::vector<std::byte>> buffers) const;

 private:
  struct Planned {
    std::size_t node = 0;
    Layout layout = Layout::none;
    std::size_t width = 0;
    std::uint64_t length = 0;
    bool has_nulls = false;
    std::vector<std::size_t> buffers;  ///< indices of places_; kNone for an empty one
  };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  void begin(const wire::RecordBatch& batch);
  void add_node(const wire::RecordBatch& batch, const ArrowSchema& schema, const ColumnNode& node,
                bool wanted, const std::vector<bool>& mask);
  void add_array(const wire::RecordBatch& batch, std::size_t node, Layout layout, std::size_t width,
                 bool wanted);
  std::size_t take_buffer(const wire::RecordBatch& batch, bool wanted);
  void expect_end(const wire::RecordBatch& batch) const;

  std::uint64_t rows_ = 0;
  Packing packing_ = Packing::none;
  std::vector<Planned> planned_;
  std::vector<BufferPlace> places_;
  std::size_t nodes_ = 0;      ///< of the schema
  std::size_t next_node_ = 0;  ///< of the batch
  std::size_t next_buffer_ = 0;
  std::size_t next_views_ = 0;
  std::uint64_t end_ = 0;  ///< of the last wanted buffer
  bool union_has_bitmap_ = false;
};

}  // namespace embedtool::arrow
