#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "core/base/error.hpp"
#include "formats/corpus/column_records.hpp"
#include "formats/corpus/corpus_sniff.hpp"
#include "formats/io/file_bytes.hpp"
#include "formats/parquet/parquet_footer.hpp"
#include "formats/parquet/parquet_rows.hpp"

namespace embedtool {
namespace {

constexpr std::string_view kRemedy = "the file is damaged; fetch or write it again";
constexpr std::string_view kOtherRemedy =
    "write the file again without that, with the defaults of pyarrow, Spark or DuckDB, say";

/// ParquetRows and the file under them.
class ParquetFileRows final : public ColumnRows {
 public:
  ParquetFileRows(std::unique_ptr<FileBytes> file, std::size_t page_bytes)
      : file_(std::move(file)), page_bytes_(page_bytes) {}

  bool open(Wait /*wait*/) override {
    if (!rows_) rows_ = std::make_unique<parquet::ParquetRows>(*file_, page_bytes_);
    return true;
  }
  const ColumnNode& columns() const override { return rows_->columns(); }
  std::uint64_t confine(std::uint64_t begin, std::uint64_t end) override {
    return rows_->confine(begin, end);
  }
  void select(const std::vector<bool>& wanted) override { rows_->select(wanted); }
  bool next_row(Wait wait, bool& blocked) override { return rows_->next_row(wait, blocked); }
  bool scalar(const ColumnNode& leaf, std::string_view& raw) override {
    return rows_->scalar(leaf, raw);
  }
  Found numbers(const ColumnNode& list, std::size_t most, std::vector<double>& out) override {
    return rows_->numbers(list, most, out);
  }
  void append_json(const ColumnNode& column, std::size_t most, std::string& out) override {
    rows_->append_json(column, most, out);
  }
  std::uint64_t position() const override { return rows_->position(); }

 private:
  std::unique_ptr<FileBytes> file_;
  std::size_t page_bytes_;
  std::unique_ptr<parquet::ParquetRows> rows_;
};

}  // namespace

Fit fits_parquet(const InputHead& head, const CorpusOptions& /*options*/) {
  const bool fits =
      head.bytes.starts_with(parquet::kMagic) || head.bytes.starts_with(parquet::kEncryptedMagic);
  return fits ? Fit::certain : Fit::no;
}

std::unique_ptr<RecordReader> open_parquet(const ReaderContext& context) {
  auto file = std::make_unique<FileBytes>(
      context.path, context.file_name,
      "is a pipe, but Parquet keeps its index at the end of the file; name a file instead (cat > "
      "FILE, then FILE as the input)");
  std::array<std::byte, 4> magic{};
  if (file->size() >= magic.size()) file->read_at(0, magic);
  const std::string_view seen(reinterpret_cast<const char*>(magic.data()), magic.size());
  if (seen != context.head.bytes.substr(0, magic.size())) {
    throw Error(ExitCode::failed,
                "{}: is Parquet inside a compressed file, of which only parts can be read; unpack "
                "it first (its pages are compressed anyway)",
                context.file_name);
  }
  const std::size_t page_bytes = std::min(context.unpack_bytes, parquet::PageBudget::kMost);
  return std::make_unique<ColumnRecords>(
      context, std::make_unique<ParquetFileRows>(std::move(file), page_bytes), kRemedy,
      kOtherRemedy);
}

}  // namespace embedtool
