#include "formats/arrow/arrow_batch.hpp"

#include <arrow_wire_generated.h>

#include <cstring>

#include "formats/arrow/arrow_wire.hpp"
#include "formats/columns/column_rows.hpp"
#include "formats/io/damaged.hpp"

namespace embedtool::arrow {
namespace {

constexpr const char* kShort = "a buffer is shorter than its column";
constexpr std::uint64_t kMaxRows = std::uint64_t{1} << 40;

template <typename Integer>
Integer load(std::span<const std::byte> bytes, std::uint64_t index) {
  require(index < bytes.size() / sizeof(Integer), kShort);
  Integer value;
  std::memcpy(&value, bytes.data() + index * sizeof(Integer), sizeof value);
  return value;
}

std::string_view chars(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view piece(std::span<const std::byte> bytes, std::uint64_t begin, std::uint64_t end) {
  require(begin <= end && end <= bytes.size(), "a value reaches past its buffer");
  return chars(
      bytes.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
}

/// Offsets are signed; a negative one is huge, and refused as such.
template <typename Integer>
std::uint64_t load_offset(std::span<const std::byte> bytes, std::uint64_t index) {
  return static_cast<std::uint64_t>(std::int64_t{load<Integer>(bytes, index)});
}

/// How many buffers there are behind the bitmap.
std::size_t buffers_behind(Layout layout) {
  switch (layout) {
    case Layout::strings32:
    case Layout::strings64:
    case Layout::list_view:
    case Layout::union_dense:
      return 2;
    case Layout::bits:
    case Layout::fixed:
    case Layout::views:
    case Layout::list32:
    case Layout::list64:
    case Layout::union_sparse:
      return 1;
    default:
      return 0;
  }
}

std::string_view view_at(const Array& array, std::uint64_t index) {
  constexpr std::size_t kSize = 16;
  constexpr std::size_t kInline = 12;
  require(index < array.offsets.size() / kSize, kShort);
  const auto view = array.offsets.subspan(static_cast<std::size_t>(index) * kSize, kSize);
  const auto size = load<std::int32_t>(view, 0);
  require(size >= 0, "a value of a negative length");
  if (static_cast<std::size_t>(size) <= kInline) {
    return chars(view.subspan(4, static_cast<std::size_t>(size)));
  }
  const auto buffer = load<std::uint32_t>(view, 2);
  const auto begin = load<std::uint32_t>(view, 3);
  require(buffer < array.view_data.size(), "a value is in no buffer");
  return piece(array.view_data[buffer], begin, std::uint64_t{begin} + static_cast<unsigned>(size));
}

}  // namespace

bool Array::is_null(std::uint64_t index) const {
  require(index < length, "a column is shorter than its batch");
  if (!has_nulls) return false;
  const auto byte = std::to_integer<unsigned>(
      validity[static_cast<std::size_t>(index / 8)]);  // as long as `length` needs
  return (byte >> (index % 8) & 1U) == 0;
}

bool Array::value(Layout layout, std::size_t width, std::uint64_t index,
                  std::string_view& out) const {
  if (layout == Layout::none || is_null(index)) return false;
  switch (layout) {
    case Layout::bits: {
      require(index / 8 < data.size(), kShort);
      const auto byte = std::to_integer<unsigned>(data[static_cast<std::size_t>(index / 8)]);
      out = (byte >> (index % 8) & 1U) != 0 ? std::string_view("\1", 1) : std::string_view("\0", 1);
      return true;
    }
    case Layout::fixed:
      out = piece(data, index * width, index * width + width);
      return true;
    case Layout::strings32:
      out = piece(data, load_offset<std::int32_t>(offsets, index),
                  load_offset<std::int32_t>(offsets, index + 1));
      return true;
    case Layout::strings64:
      out = piece(data, load_offset<std::int64_t>(offsets, index),
                  load_offset<std::int64_t>(offsets, index + 1));
      return true;
    case Layout::views:
      out = view_at(*this, index);
      return true;
    default:
      throw Damaged("a column is not of its type");
  }
}

void Array::range(const NodeLayout& layout, std::uint64_t index, std::uint64_t& begin,
                  std::uint64_t& end) const {
  if (layout.layout == Layout::list_fixed) {
    begin = index * layout.width;
    end = begin + layout.width;
  } else if (layout.layout == Layout::list32) {
    begin = load_offset<std::int32_t>(offsets, index);
    end = load_offset<std::int32_t>(offsets, index + 1);
  } else {
    begin = load_offset<std::int64_t>(offsets, index);
    end = load_offset<std::int64_t>(offsets, index + 1);
  }
  require(begin <= end && end <= kMaxRows, "a list ends before it begins");
}

void BatchPlan::begin(const wire::RecordBatch& batch) {
  require(batch.length() >= 0 && static_cast<std::uint64_t>(batch.length()) <= kMaxRows,
          "a batch has an impossible number of rows");
  rows_ = static_cast<std::uint64_t>(batch.length());
  require(rows_ == 0 || batch.nodes() != nullptr, "a batch lacks columns");
  if (batch.compression() == nullptr) return;
  const auto codec = batch.compression()->codec();
  if (codec != 0 && codec != 1)
    throw Unsupported("its buffers are compressed with an unknown codec");
  packing_ = codec == 0 ? Packing::lz4 : Packing::zstd;
}

std::size_t BatchPlan::take_buffer(const wire::RecordBatch& batch, bool wanted) {
  require(batch.buffers() != nullptr && next_buffer_ < batch.buffers()->size(),
          "a batch lacks buffers");
  const auto buffer = element_of<wire::Buffer>(*batch.buffers(), next_buffer_++);
  require(buffer.offset() >= 0 && buffer.length() >= 0, "a buffer has a negative size");
  if (!wanted || buffer.length() == 0) return kNone;
  const BufferPlace place{static_cast<std::uint64_t>(buffer.offset()),
                          static_cast<std::uint64_t>(buffer.length())};
  if (place.offset < end_) throw Unsupported("its buffers overlap or are out of order");
  if (place.size > kMaxBatchBytes) {
    throw TooLarge("one of its record batches takes more than 1 GiB of memory");
  }
  end_ = place.offset + place.size;
  places_.push_back(place);
  return places_.size() - 1;
}

void BatchPlan::add_array(const wire::RecordBatch& batch, std::size_t node, Layout layout,
                          std::size_t width, bool wanted) {
  require(batch.nodes() != nullptr && next_node_ < batch.nodes()->size(), "a batch lacks columns");
  const auto info = element_of<wire::FieldNode>(*batch.nodes(), next_node_++);
  require(info.length() >= 0 && static_cast<std::uint64_t>(info.length()) <= kMaxRows &&
              info.nulls() >= 0,
          "a column has an impossible length");
  Planned planned{node, layout, width, static_cast<std::uint64_t>(info.length()), info.nulls() > 0,
                  {}};
  const bool is_union = layout == Layout::union_sparse || layout == Layout::union_dense;
  const bool bitmap =
      layout != Layout::none && layout != Layout::run_ends && (!is_union || union_has_bitmap_);
  if (bitmap) planned.buffers.push_back(take_buffer(batch, wanted));
  for (std::size_t i = 0; i < buffers_behind(layout); ++i) {
    planned.buffers.push_back(take_buffer(batch, wanted));
  }
  if (layout == Layout::views) {
    const auto* counts = batch.view_buffers();
    require(counts != nullptr && next_views_ < counts->size(), "a batch lacks buffers");
    const auto count = element_of<std::int64_t>(*counts, next_views_++);
    require(count >= 0 && static_cast<std::uint64_t>(count) <= batch.buffers()->size(),
            "a batch lacks buffers");
    for (std::int64_t i = 0; i < count; ++i) {
      planned.buffers.push_back(take_buffer(batch, wanted));
    }
  }
  if (wanted) planned_.push_back(std::move(planned));
}

// In the order of the schema, depth first, wanted or not. A map's entries have a layout of their
// own between the map and its children.
void BatchPlan::add_node(const wire::RecordBatch& batch, const ArrowSchema& schema,
                         const ColumnNode& node, bool wanted, const std::vector<bool>& mask) {
  const NodeLayout& layout = schema.layouts[node.id];
  add_array(batch, node.id, layout.layout, layout.width, wanted);
  if (layout.is_dictionary) return;
  if (!node.children.empty()) {
    const std::size_t parent = schema.layouts[node.children.front().id].parent;
    if (parent != node.id) add_array(batch, parent, Layout::structure, 0, wanted);
  }
  for (const ColumnNode& child : node.children) {
    add_node(batch, schema, child, wanted && mask[child.id], mask);
  }
}

void BatchPlan::expect_end(const wire::RecordBatch& batch) const {
  require(batch.nodes() == nullptr || next_node_ == batch.nodes()->size(),
          "a batch has more columns than the schema");
}

BatchPlan::BatchPlan(const wire::RecordBatch& batch, const ArrowSchema& schema,
                     const std::vector<bool>& wanted, std::int16_t version)
    : nodes_(schema.layouts.size()), union_has_bitmap_(version < 4) {
  begin(batch);
  for (const ColumnNode& column : schema.root.children) {
    add_node(batch, schema, column, wanted[column.id], wanted);
  }
  expect_end(batch);
}

BatchPlan::BatchPlan(const wire::RecordBatch& batch, Layout layout, std::size_t width) : nodes_(1) {
  begin(batch);
  add_array(batch, 0, layout, width, true);
  expect_end(batch);
}

std::vector<Array> BatchPlan::arrays(std::span<const std::vector<std::byte>> buffers) const {
  std::vector<Array> arrays(nodes_);
  for (const Planned& planned : planned_) {
    Array& array = arrays[planned.node];
    const auto buffer = [&](std::size_t i) -> std::span<const std::byte> {
      if (i >= planned.buffers.size() || planned.buffers[i] == kNone) return {};
      return buffers[planned.buffers[i]];
    };
    array.length = planned.length;
    array.validity = buffer(0);
    array.has_nulls = planned.has_nulls && planned.layout != Layout::none;
    require(!array.has_nulls || array.validity.size() >= (array.length + 7) / 8, kShort);
    if (planned.layout == Layout::fixed || planned.layout == Layout::bits) {
      array.data = buffer(1);
    } else {
      array.offsets = buffer(1);
      array.data = buffer(2);
    }
    for (std::size_t i = 2; planned.layout == Layout::views && i < planned.buffers.size(); ++i) {
      array.view_data.push_back(buffer(i));
    }
  }
  return arrays;
}

}  // namespace embedtool::arrow
