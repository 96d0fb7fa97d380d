#include "formats/parquet/parquet_page_press.hpp"

#include <utility>

namespace embedtool::parquet {
namespace {

void append_levels(RunEncoder& levels, std::vector<std::byte>& out) {
  const auto bytes = levels.finish();
  append_u32(out, static_cast<std::uint32_t>(bytes.size()));
  append(out, bytes);
}

// An int8 v is entry v + 128 of the dictionary; the 8-bit indices form one bit-packed run.
void append_indices(std::span<const std::byte> values, std::vector<std::byte>& out) {
  const std::size_t groups = (values.size() + 7) / 8;
  out.push_back(std::byte{8});
  if (groups == 0) return;  // nothing but empty lists
  append_varint(out, groups << 1 | 1);
  const std::size_t start = out.size();
  out.resize(start + groups * 8);
  for (std::size_t i = 0; i < values.size(); ++i) out[start + i] = values[i] ^ std::byte{0x80};
}

std::size_t element_width(const ColumnLayout& layout) {
  return layout.type == Physical::fixed ? static_cast<std::size_t>(layout.type_length) : 4;
}

void append_values(const Page& page, const ColumnLayout& layout, std::vector<std::byte>& out) {
  if (layout.encoding == Encoding::byte_stream_split) {
    const std::size_t start = out.size();
    out.resize(start + page.values.size());
    split_bytes(page.values, element_width(layout), std::span(out).subspan(start));
  } else if (layout.encoding == Encoding::rle_dictionary) {
    append_indices(page.values, out);
  } else {
    append(out, page.values);
  }
}

/// Writes the head of a page that has so many bytes, before and after packing.
void put_head(Page& page, PageHeader header, std::size_t raw_bytes, std::size_t bytes) {
  header.uncompressed_size = static_cast<std::int32_t>(raw_bytes);
  header.compressed_size = static_cast<std::int32_t>(bytes);
  write_page_header(header, page.head);
  page.raw_bytes = page.head.size() + raw_bytes;
}

/// The levels of a data page v1; its values follow.
void encode_levels(Page& page, const ColumnLayout& layout, std::vector<std::byte>& out) {
  out.clear();
  if (layout.max_repetition > 0) append_levels(page.repetition, out);
  if (layout.max_definition > 0) append_levels(page.definition, out);
}

PageHeader data_header(const Page& page, Encoding encoding) {
  PageHeader header;
  header.type = PageType::data;
  header.values = static_cast<std::int32_t>(page.levels);
  header.encoding = encoding;
  return header;
}

/// Levels, and values that are stored as they are: vectors mostly, and most of the file, so that
/// they are not copied again.
void store(Page& page, std::span<const std::byte> levels) {
  PageHeader header = data_header(page, Encoding::plain);
  header.crc = page_crc(page.values, page_crc(levels));
  const std::size_t bytes = levels.size() + page.values.size();
  put_head(page, header, bytes, bytes);
  append(page.head, levels);
  page.body.swap(page.values);
  page.is_stored = true;
}

void pack(Page& page, PageHeader header, Packing packing, std::span<const std::byte> raw,
          PageCodec& codec) {
  const auto packed = codec.compress(raw, packing);
  header.crc = page_crc(packed);
  put_head(page, header, raw.size(), packed.size());
  // Rounded up, so that a page that is a little larger than the last one here still fits.
  constexpr std::size_t kStep = std::size_t{32} << 10U;
  if (packed.size() > page.body.capacity()) {
    page.body.reserve((packed.size() + kStep - 1) / kStep * kStep);
  }
  append(page.body, packed);
}

}  // namespace

Page::Page(const ColumnLayout& layout)
    : repetition(bit_width(layout.max_repetition)), definition(bit_width(layout.max_definition)) {}

void Page::clear() {
  if (is_stored) values.swap(body);  // as much room is needed again
  is_stored = false;
  values.clear();
  repetition.clear();
  definition.clear();
  levels = booleans = 0;
  rows = 0;
  range = {};
  head.clear();
  body.clear();
  raw_bytes = 0;
}

void PagePress::press(Page& page, const ColumnLayout& layout) {
  jobs_.add([this, &page, &layout] {
    with_tools([&](Tools& tools) {
      encode_levels(page, layout, tools.encoded);
      if (layout.packing == Packing::none && layout.encoding == Encoding::plain) {
        return store(page, tools.encoded);
      }
      append_values(page, layout, tools.encoded);
      pack(page, data_header(page, layout.encoding), layout.packing, tools.encoded, tools.codec);
      keep_buffer(std::move(page.values));
    });
  });
}

std::vector<std::byte> PagePress::spare_buffer() {
  const MutexLock lock(mutex_);
  if (spare_.empty()) return {};
  std::vector<std::byte> buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void PagePress::keep_buffer(std::vector<std::byte> buffer) {
  buffer.clear();
  const MutexLock lock(mutex_);
  spare_.push_back(std::move(buffer));
}

void PagePress::press_dictionary(std::span<const std::byte> raw, std::size_t values,
                                 const ColumnLayout& layout, Page& page) {
  PageHeader header;
  header.type = PageType::dictionary;
  header.values = static_cast<std::int32_t>(values);
  header.encoding = Encoding::plain;
  with_tools([&](Tools& tools) { pack(page, header, layout.packing, raw, tools.codec); });
}

void PagePress::with_tools(const std::function<void(Tools&)>& use) {
  std::unique_ptr<Tools> tools;
  {
    const MutexLock lock(mutex_);
    if (!idle_.empty()) {
      tools = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!tools) tools = std::make_unique<Tools>(zstd_level_);
  use(*tools);
  const MutexLock lock(mutex_);
  idle_.push_back(std::move(tools));
}

}  // namespace embedtool::parquet
