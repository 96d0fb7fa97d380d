#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace embedtool {

/// A field of a delimited record: where its content is in the record.
struct CsvCell {
  std::size_t offset = 0;
  std::size_t size = 0;
  bool quoted = false;
  bool doubled = false;  ///< holds `""`, each meaning one quote
};

/// Finds the cells of one RFC 4180 record, including line ends inside quotes. A record may be
/// scanned in pieces as its bytes arrive. Strict: text after a closing quote is an error; a quote
/// inside an unquoted field is an ordinary character. Not thread-safe.
class CsvScanner {
 public:
  enum class Status : std::uint8_t { record, need_more, bad };

  /// `quotes` off: `"` is an ordinary character, and a line is a record.
  CsvScanner(char delimiter, bool quotes) : delimiter_(delimiter), quotes_(quotes) {}

  /// Begins a new record of which at most `max_cells` cells are kept (all are counted).
  void restart(std::size_t max_cells);
  /// Continues. `view` starts at the record's first byte and only grows from call to call; `final`:
  /// no bytes follow it. Needs at least one byte in a final view to find a record.
  Status scan(std::string_view view, bool final);

  char delimiter() const { return delimiter_; }
  const std::vector<CsvCell>& cells() const { return cells_; }
  std::size_t cell_count() const { return count_; }
  /// Bytes of the record, its line end included.
  std::size_t size() const { return position_; }
  /// After `bad`: the reason.
  const std::string& error() const { return error_; }

 private:
  enum class State : std::uint8_t { start, plain, quoted, quote, quote_cr };

  bool step(std::string_view view);
  void end_cell(std::string_view view, std::size_t end);
  bool after_cell(char c);
  bool after_quote(std::string_view view);
  Status finish(std::string_view view);

  char delimiter_;
  bool quotes_;
  std::size_t max_cells_ = 0;
  std::vector<CsvCell> cells_;
  std::size_t count_ = 0;
  CsvCell cell_;
  std::size_t position_ = 0;
  State state_ = State::start;
  bool done_ = false;
  std::string error_;
};

}  // namespace embedtool
