#include "formats/corpus/csv_dialect.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "formats/corpus/csv_scanner.hpp"

namespace embedtool {
namespace {

constexpr std::array kDelimiters{',', ';', '\t', '|'};
constexpr std::size_t kRecords = 32;
constexpr std::size_t kMaxCells = 4096;

/// The first records of a table, as one delimiter cuts them.
struct TableStart {
  std::vector<std::string> header;
  std::size_t records = 0;  ///< whole ones, the header among them
  std::size_t odd = 0;      ///< other numbers of fields than the header, or broken quoting

  /// Do practically all records have as many fields as the header? One may be damaged or cut off.
  bool is_regular() const {
    return header.size() > 1 && odd * 10 <= std::max(records, std::size_t{10});
  }
};

TableStart cut(std::string_view text, bool whole, char delimiter, bool quotes) {
  TableStart table;
  CsvScanner scanner(delimiter, quotes);
  while (!text.empty() && table.records < kRecords) {
    scanner.restart(kMaxCells);
    const auto status = scanner.scan(text, whole);
    if (status == CsvScanner::Status::need_more) break;
    if (status == CsvScanner::Status::bad) {  // a reader goes on at the next line
      ++table.odd;
      text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
      continue;
    }
    const std::string_view record = text.substr(0, scanner.size());
    text.remove_prefix(scanner.size());
    if (record.find_first_not_of("\r\n") == std::string_view::npos) continue;
    if (table.records++ > 0) {
      table.odd += scanner.cell_count() == table.header.size() ? 0U : 1U;
      continue;
    }
    for (const CsvCell& cell : scanner.cells()) {
      table.header.emplace_back(record.substr(cell.offset, cell.size));
    }
  }
  return table;
}

bool holds(const TableStart& table, const std::string& name) {
  return std::find(table.header.begin(), table.header.end(), name) != table.header.end();
}

/// Whether the header names what is to be read.
bool has_wanted(const TableStart& table, const CorpusOptions& options) {
  if (!options.id_field.empty() && !holds(table, options.id_field)) return false;
  if (!options.ids_field.empty() && holds(table, options.ids_field)) return true;
  if (!options.vector_field.empty() && holds(table, options.vector_field)) return true;
  if (options.text_fields.empty()) return holds(table, "text");
  return std::all_of(options.text_fields.begin(), options.text_fields.end(),
                     [&](const std::string& name) { return holds(table, name); });
}

/// Bytes of a `sep=;` line, 0 if there is none.
std::size_t separator_line(std::string_view text) {
  if (!text.starts_with("sep=") || text.size() < 6) return 0;
  const std::size_t end = text[5] == '\r' ? 6 : 5;
  return end < text.size() && text[end] == '\n' ? end + 1 : 0;
}

}  // namespace

CsvDialect sniff_dialect(const InputHead& head, const CorpusOptions& options, char usual) {
  CsvDialect dialect{usual, separator_line(head.bytes)};
  if (options.delimiter != '\0') {
    dialect.delimiter = options.delimiter;
    return dialect;
  }
  if (dialect.skip > 0) {
    dialect.delimiter = head.bytes[4];
    return dialect;
  }
  const auto start_with = [&](char delimiter) {
    return cut(head.bytes, head.whole, delimiter, options.quotes);
  };
  const TableStart as_usual = start_with(usual);
  if (options.header && has_wanted(as_usual, options)) return dialect;
  char regular = '\0';
  for (const char delimiter : kDelimiters) {
    const TableStart table = delimiter == usual ? as_usual : start_with(delimiter);
    if (options.header && has_wanted(table, options)) return {delimiter, 0};
    if (regular == '\0' && table.is_regular()) regular = delimiter;
  }
  if (!as_usual.is_regular() && regular != '\0') dialect.delimiter = regular;
  return dialect;
}

bool has_table_header(const InputHead& head, const CorpusOptions& options) {
  if (!options.header) return false;
  const std::size_t skip = separator_line(head.bytes);
  const auto is_table = [&](char delimiter) {
    const TableStart table = cut(head.bytes.substr(skip), head.whole, delimiter, options.quotes);
    return table.records > table.odd + 1 && table.is_regular() && has_wanted(table, options);
  };
  if (options.delimiter != '\0') return is_table(options.delimiter);
  if (skip > 0) return is_table(head.bytes[4]);
  return std::any_of(kDelimiters.begin(), kDelimiters.end(), is_table);
}

}  // namespace embedtool
