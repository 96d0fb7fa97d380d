#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "formats/arrow/arrow_rows.hpp"
#include "formats/corpus/column_records.hpp"
#include "formats/corpus/corpus_sniff.hpp"
#include "formats/io/file_bytes.hpp"

namespace embedtool {
namespace {

constexpr std::string_view kMagic = "ARROW1";
constexpr std::string_view kRemedy = "the file is damaged; fetch or write it again";
constexpr std::string_view kOtherRemedy =
    "write it again in another way, with pyarrow.ipc and batches of 10,000 rows, say";

/// The input, if it is a file that can be read by its index; null: it is read front to back.
std::unique_ptr<FileBytes> indexed_file(const ReaderContext& context) {
  if (!context.head.bytes.starts_with(kMagic) || !inspect_input(context.path).regular) return {};
  auto file = std::make_unique<FileBytes>(context.path, context.file_name, "is a pipe");
  std::array<char, kMagic.size()> stored{};
  if (file->size() < stored.size()) return {};
  file->read_at(0, std::as_writable_bytes(std::span(stored)));
  const bool packed = std::string_view(stored.data(), stored.size()) != kMagic;
  return packed ? nullptr : std::move(file);
}

}  // namespace

// A file says what it is. A stream begins with a mark of four bytes that no text has, and the size
// of a header that is a multiple of 8.
Fit fits_arrow(const InputHead& head, const CorpusOptions& /*options*/) {
  if (head.bytes.starts_with(kMagic)) return Fit::certain;
  constexpr std::string_view kMark = "\xff\xff\xff\xff";
  if (!head.bytes.starts_with(kMark) || head.bytes.size() < 2 * kMark.size()) return Fit::no;
  std::uint32_t size = 0;
  std::memcpy(&size, head.bytes.data() + kMark.size(), sizeof size);
  return size % 8 == 0 && size < 0x80000000 ? Fit::certain : Fit::no;
}

std::unique_ptr<RecordReader> open_arrow(const ReaderContext& context) {
  auto rows = std::make_unique<arrow::ArrowRows>(
      context.window, indexed_file(context), std::min(context.unpack_bytes, arrow::kMaxBatchBytes));
  return std::make_unique<ColumnRecords>(context, std::move(rows), kRemedy, kOtherRemedy);
}

}  // namespace embedtool
