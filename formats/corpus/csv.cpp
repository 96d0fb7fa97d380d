#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "formats/corpus/corpus_reader.hpp"
#include "formats/corpus/csv_dialect.hpp"
#include "formats/corpus/csv_scanner.hpp"
#include "formats/io/bytes_utf8.hpp"
#include "formats/io/line_ends.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kMaxColumns = std::size_t{1} << 16;
/// How much of a line whose quoting is broken goes with its reject.
constexpr std::size_t kRejectBytes = 4096;
constexpr std::size_t kNoColumn = std::numeric_limits<std::size_t>::max();

std::string_view cell_bytes(const CsvCell& cell, std::string_view record) {
  return record.substr(cell.offset, cell.size);
}

/// Appends a quoted cell's content, `""` made `"`.
void append_undoubled(std::string& out, std::string_view content) {
  while (true) {
    const std::size_t quote = content.find('"');
    if (quote == std::string_view::npos) break;
    out += content.substr(0, quote + 1);
    content.remove_prefix(std::min(quote + 2, content.size()));
  }
  out += content;
}

/// CSV and TSV with a header (RFC 4180: quotes, doubled quotes, line ends inside quotes; LF or
/// CRLF). TSV is the same with a tab, quotes included, as pandas, DuckDB and Python's csv read it;
/// files with bare quotes want CorpusOptions::quotes off. A record with a wrong number of fields is
/// a reject; so is a second header, which files joined by cat(1) have. After broken quoting the
/// reading resumes at the next line, so that a stray quote costs one line and not the rest of the
/// file. Empty lines are skipped.
class CsvReader final : public RecordReader {
 public:
  CsvReader(const ReaderContext& context, const CsvDialect& dialect)
      : context_(context), scanner_(dialect.delimiter, context.options.quotes) {
    fields_.values.resize(context.plan.names().size());
    if (dialect.skip > 0) start_record(dialect.skip, 1);
    scanner_.restart(kMaxColumns + 1);
  }

  bool prepare(Wait wait) override;
  Step next(Wait wait) override;
  void restart(std::uint64_t line) override {
    line_ = line;
    start_record(0, 0);
  }

 private:
  enum class Found : std::uint8_t { record, bad, blocked, end };

  Found find_record(Wait wait);
  std::string explain(const std::string& error) const;
  Found fail_record(std::string_view why, Wait wait);
  Found complete_bad_line(Wait wait);
  void take_header(std::string_view record);
  void number_columns();
  void map_columns();
  [[noreturn]] void fail_missing_column(const std::string& name, std::string_view flag) const;
  Step take_record(std::string_view record);
  void take_cell(FieldPlan::Slot slot, const CsvCell& cell, std::string_view record);
  Step reject_first_line();
  bool skip_line_rest(Wait wait);
  void start_record(std::size_t consumed, std::uint64_t lines);

  ReaderContext context_;
  CsvScanner scanner_;
  std::string error_;  ///< why the record at hand is bad; empty while it is not
  bool prepared_ = false;
  std::vector<std::string> columns_;
  std::string header_;  ///< as written, without its line end; empty if there is none
  std::vector<std::size_t> column_of_;  ///< by slot; kNoColumn where the file has none
  RecordFields fields_;
  std::string undoubled_;
  std::uint64_t line_ = 1;  ///< of the record at hand
  bool skipping_ = false;   ///< inside the rest of a line that was given up
};

/// Finds the next record's end in the window, reading on as far as needed.
CsvReader::Found CsvReader::find_record(Wait wait) {
  ByteWindow& window = context_.window;
  if (!skip_line_rest(wait)) return Found::blocked;
  if (!error_.empty()) return complete_bad_line(wait);
  // Of a file that cat(1) has joined to another.
  if (scanner_.size() == 0 && !skip_byte_order_mark(window, wait)) return Found::blocked;
  while (true) {
    const std::string_view view = window.view();
    if (view.empty() && window.ended()) return Found::end;
    switch (scanner_.scan(view, window.ended())) {
      case CsvScanner::Status::record:
        return Found::record;
      case CsvScanner::Status::bad:
        return fail_record(explain(scanner_.error()), wait);
      case CsvScanner::Status::need_more:
        break;
    }
    const auto got = window.fill(wait);
    if (got == ByteWindow::Fill::blocked) return Found::blocked;
    if (got == ByteWindow::Fill::full) {
      const std::size_t most = context_.options.max_line_bytes;
      return fail_record(fmt::format("the record is longer than {} bytes", most), wait);
    }
  }
}

/// Most files with broken quoting do not quote at all.
std::string CsvReader::explain(const std::string& error) const {
  return prepared_ && context_.options.quotes
             ? error + "; if quotes are ordinary characters in this file, add --no-quotes"
             : error;
}

CsvReader::Found CsvReader::fail_record(std::string_view why, Wait wait) {
  error_ = why;
  return complete_bad_line(wait);
}

/// Reads a bad record's first line to its end (or as much as a reject shows), so that what is
/// reported does not depend on how the bytes arrived.
CsvReader::Found CsvReader::complete_bad_line(Wait wait) {
  const ByteWindow& window = context_.window;
  while (window.view().size() < kRejectBytes && window.view().find('\n') == std::string::npos) {
    const auto got = context_.window.fill(wait);
    if (got == ByteWindow::Fill::blocked) return Found::blocked;
    if (got != ByteWindow::Fill::data) break;
  }
  return Found::bad;
}

/// Leaves `consumed` bytes and `lines` line ends behind; what follows is a new record.
void CsvReader::start_record(std::size_t consumed, std::uint64_t lines) {
  context_.window.consume(consumed);
  line_ += lines;
  scanner_.restart(prepared_ ? columns_.size() : kMaxColumns + 1);
}

/// Drops what is left of a line that was given up, however long it is. False when blocked.
bool CsvReader::skip_line_rest(Wait wait) {
  while (skipping_) {
    const std::string_view view = context_.window.view();
    const std::size_t newline = view.find('\n');
    if (newline != std::string_view::npos) {
      skipping_ = false;
      start_record(newline + 1, 1);
      break;
    }
    context_.window.consume(view.size());
    const auto got = context_.window.fill(wait);
    if (got == ByteWindow::Fill::blocked) return false;
    if (got == ByteWindow::Fill::end) skipping_ = false;
  }
  return true;
}

RecordReader::Step CsvReader::reject_first_line() {
  const std::string_view view = context_.window.view();
  const std::string_view line = view.substr(0, std::min(view.find('\n'), kRejectBytes));
  skipping_ = true;
  const std::string reason = std::exchange(error_, {});
  context_.builder.reject(line_, {}, reason, line);
  return Step::rejected;
}

/// Reads the header: the first line that is not empty.
bool CsvReader::prepare(Wait wait) {
  while (!prepared_) {
    const Found found = find_record(wait);
    if (found == Found::blocked) return false;
    if (found == Found::end) return true;  // an empty file has no records and needs no header
    if (found == Found::bad) {
      throw Error(ExitCode::failed, "{}:{}: the header cannot be read: {}", context_.file_name,
                  line_, error_);
    }
    const std::string_view record = context_.window.view().substr(0, scanner_.size());
    const std::uint64_t lines = count_line_ends(record);
    const bool empty = record.find_first_not_of("\r\n") == std::string_view::npos;
    if (!empty && !context_.options.header) {
      number_columns();
      prepared_ = true;
      start_record(0, 0);  // it is a record like any other
      return true;
    }
    if (!empty) {
      take_header(record);
      prepared_ = true;
    }
    start_record(record.size(), lines);
  }
  return true;
}

/// A table without a header: its columns are 1, 2, ….
void CsvReader::number_columns() {
  if (scanner_.cell_count() > kMaxColumns) {
    throw Error(ExitCode::failed, "{}: its first record has {} columns, more than {}; is it CSV?",
                context_.file_name, scanner_.cell_count(), kMaxColumns);
  }
  for (std::size_t i = 1; i <= scanner_.cell_count(); ++i) columns_.push_back(std::to_string(i));
  map_columns();
}

void CsvReader::take_header(std::string_view record) {
  if (!is_utf8(record)) {
    throw Error(ExitCode::failed, "{}: the header is not UTF-8; convert the file with iconv(1)",
                context_.file_name);
  }
  if (scanner_.cell_count() > kMaxColumns) {
    throw Error(ExitCode::failed, "{}: the header has {} columns, more than {}; is it a {} file?",
                context_.file_name, scanner_.cell_count(), kMaxColumns, "CSV");
  }
  header_ = record.substr(0, record.find_last_not_of("\r\n") + 1);
  for (const CsvCell& cell : scanner_.cells()) {
    const std::string_view content = cell_bytes(cell, record);
    columns_.emplace_back(cell.doubled ? std::string_view() : content);
    if (cell.doubled) append_undoubled(columns_.back(), content);
  }
  map_columns();
}

void CsvReader::fail_missing_column(const std::string& name, std::string_view flag) const {
  const std::vector<std::string_view> names(columns_.begin(), columns_.end());
  if (!context_.options.header) {
    throw Error(ExitCode::usage,
                "{}: no column '{}'; without a header, columns are named by their numbers, 1 to "
                "{}: name one with {}",
                context_.file_name, name, columns_.size(), flag);
  }
  throw Error(
      ExitCode::usage,
      "{}: no column '{}' in its header ({}); name one with {}, {}or add --no-header if the "
      "first line is a record",
      context_.file_name, name, list_names(names), flag,
      columns_.size() == 1 ? "say with --delimiter what separates columns, " : "");
}

/// Finds every wanted field's column, and ends the run where one that is needed is missing: no
/// record of the file could be used.
void CsvReader::map_columns() {
  const FieldPlan& plan = context_.plan;
  for (const std::string& name : plan.names()) {
    const auto at = std::find(columns_.begin(), columns_.end(), name);
    if (at != columns_.end() && std::find(at + 1, columns_.end(), name) != columns_.end()) {
      throw Error(ExitCode::usage, "{}: column '{}' appears twice in the header; rename one",
                  context_.file_name, name);
    }
    column_of_.push_back(at == columns_.end() ? kNoColumn
                                              : static_cast<std::size_t>(at - columns_.begin()));
  }
  // A file of ready ids or vectors needs no text column.
  const auto has = [this](FieldPlan::Slot slot) {
    return slot != FieldPlan::kNone && column_of_[slot] != kNoColumn;
  };
  for (const FieldPlan::Slot slot : plan.text) {
    const bool needed = !has(plan.ids) && !has(plan.vector);
    if (needed && !has(slot)) fail_missing_column(plan.names()[slot], "--text-field");
  }
  if (plan.id_required && !has(plan.id.front())) {
    fail_missing_column(plan.names()[plan.id.front()], "--id-field");
  }
  for (const FieldPlan::Slot slot : plan.keep) {
    if (!has(slot)) fail_missing_column(plan.names()[slot], "--keep or --chunk-prefix");
  }
}

void CsvReader::take_cell(FieldPlan::Slot slot, const CsvCell& cell, std::string_view record) {
  FieldValue& value = fields_.values[slot];
  std::string_view content = cell_bytes(cell, record);
  if (cell.doubled) {
    const std::size_t start = undoubled_.size();
    append_undoubled(undoubled_, content);
    content = std::string_view(undoubled_).substr(start);
  }
  value.kind = ValueKind::string;
  value.raw = value.text = content;
  // A cell of ids or numbers holds them as a JSON array; an empty one holds none.
  const bool array = slot == context_.plan.ids || slot == context_.plan.vector;
  if (array && content.empty()) value.kind = ValueKind::absent;
  if (array && content.starts_with('[')) value.kind = ValueKind::array;
}

RecordReader::Step CsvReader::take_record(std::string_view record) {
  RecordBuilder& builder = context_.builder;
  // What a reject shows: the record without its line end.
  const std::string_view shown = record.substr(0, record.find_last_not_of("\r\n") + 1);
  if (!header_.empty() && shown == header_) {
    builder.reject(line_, {}, "this is the header once more; were files joined by cat(1)?", shown);
    return Step::rejected;
  }
  if (shown.size() == 5 && shown.starts_with("sep=") && shown[4] == scanner_.delimiter()) {
    builder.reject(line_, {}, "this is a sep= line; were files joined by cat(1)?", shown);
    return Step::rejected;
  }
  if (is_nul(shown)) {
    builder.reject(line_, {}, "nothing but NUL bytes; is the file damaged?", shown);
    return Step::rejected;
  }
  if (scanner_.cell_count() != columns_.size()) {
    builder.reject(line_, {},
                   fmt::format("the record has {} fields, {} has {}", scanner_.cell_count(),
                               header_.empty() ? "the first" : "the header", columns_.size()),
                   shown);
    return Step::rejected;
  }
  if (!is_utf8(record)) {
    builder.reject(line_, {},
                   fmt::format("invalid UTF-8 at byte {} of the record", valid_utf8_prefix(record)),
                   shown);
    return Step::rejected;
  }
  fields_.clear();
  undoubled_.clear();
  undoubled_.reserve(record.size());  // views into it must stay where they are
  for (std::size_t i = 0; i < std::min(columns_.size(), kNamesListed + 1); ++i) {
    fields_.names.emplace_back(columns_[i]);
  }
  for (FieldPlan::Slot slot = 0; slot < column_of_.size(); ++slot) {
    if (column_of_[slot] == kNoColumn) continue;
    take_cell(slot, scanner_.cells()[column_of_[slot]], record);
  }
  return builder.add(fields_, line_, shown) ? Step::record : Step::rejected;
}

RecordReader::Step CsvReader::next(Wait wait) {
  if (!prepare(wait)) return Step::blocked;
  while (true) {
    switch (find_record(wait)) {
      case Found::blocked:
        return Step::blocked;
      case Found::end:
        return Step::end;
      case Found::bad:
        return reject_first_line();
      case Found::record:
        break;
    }
    const std::string_view record = context_.window.view().substr(0, scanner_.size());
    const std::uint64_t lines = count_line_ends(record);
    const bool empty = record.find_first_not_of("\r\n") == std::string_view::npos;
    const Step step = empty ? Step::record : take_record(record);
    start_record(record.size(), lines);
    if (!empty) return step;
  }
}

}  // namespace

std::unique_ptr<RecordReader> open_csv(const ReaderContext& context) {
  return std::make_unique<CsvReader>(context, sniff_dialect(context.head, context.options, ','));
}

std::unique_ptr<RecordReader> open_tsv(const ReaderContext& context) {
  return std::make_unique<CsvReader>(context, sniff_dialect(context.head, context.options, '\t'));
}

}  // namespace embedtool
