#include <cstdint>
#include <cstring>
#include <memory>

#include "formats/arrow/arrow_rows.hpp"
#include "formats/corpus/column_records.hpp"
#include "formats/corpus/corpus_sniff.hpp"

namespace embedtool {
namespace {

constexpr std::string_view kRemedy = "the file is damaged; fetch or write it again";
constexpr std::string_view kOtherRemedy =
    "write it again in another way, with pyarrow.ipc and batches of 10,000 rows, say";

}  // namespace

// A file says what it is. A stream begins with a mark of four bytes that no text has, and the size of
// a header that is a multiple of 8.
Fit fits_arrow(const InputHead& head, const CorpusOptions& /*options*/) {
  if (head.bytes.starts_with("ARROW1")) return Fit::certain;
  constexpr std::string_view kMark = "\xff\xff\xff\xff";
  if (!head.bytes.starts_with(kMark) || head.bytes.size() < 2 * kMark.size()) return Fit::no;
  std::uint32_t size = 0;
  std::memcpy(&size, head.bytes.data() + kMark.size(), sizeof size);
  return size % 8 == 0 && size < 0x80000000 ? Fit::certain : Fit::no;
}

std::unique_ptr<RecordReader> open_arrow(const ReaderContext& context) {
  return std::make_unique<ColumnRecords>(
      context, std::make_unique<arrow::ArrowRows>(context.window), kRemedy, kOtherRemedy);
}

}  // namespace embedtool
