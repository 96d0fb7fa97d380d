#include "formats/parquet/parquet_footer.hpp"

#include <array>
#include <cstring>
#include <span>

#include "formats/io/damaged.hpp"
#include "formats/parquet/parquet_encoding.hpp"
#include "formats/parquet/parquet_page_reader.hpp"

namespace embedtool::parquet {
namespace {

/// A footer takes some 100 bytes a column and row group, in memory some five times as much.
constexpr std::uint64_t kMaxFooter = std::uint64_t{64} << 20;

bool holds(const std::byte* bytes, std::string_view magic) {
  return std::memcmp(bytes, magic.data(), magic.size()) == 0;
}

}  // namespace

// The footer's length is believed only within the file and the cap, before anything is allocated.
Footer read_footer(const RandomBytes& in) {
  const std::uint64_t size = in.size();
  require(size >= 12, "too short for a Parquet file");
  std::array<std::byte, 4> head;
  std::array<std::byte, 8> tail;
  in.read_at(0, head);
  in.read_at(size - 8, tail);
  if (holds(tail.data() + 4, kEncryptedMagic)) throw Unsupported("its footer is encrypted");
  require(holds(head.data(), kMagic), "not a Parquet file");
  require(holds(tail.data() + 4, kMagic), "not a Parquet file, or one that is cut short");
  const std::uint64_t length = load_u32(tail.data());
  require(length <= size - 12, "the footer is longer than the file");
  if (length > kMaxFooter) throw Unsupported("its footer is larger than 64 MiB");
  Footer footer;
  footer.start = size - 8 - length;
  std::vector<std::byte> bytes(length);
  in.read_at(footer.start, bytes);
  footer.meta = read_file_meta(bytes);
  return footer;
}

std::vector<std::byte> make_footer(const FileMeta& meta) {
  std::vector<std::byte> footer;
  write_file_meta(meta, footer);
  append_u32(footer, static_cast<std::uint32_t>(footer.size()));
  const auto magic = std::as_bytes(std::span(kMagic));
  footer.insert(footer.end(), magic.begin(), magic.end());
  return footer;
}

}  // namespace embedtool::parquet
