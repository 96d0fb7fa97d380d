#include "formats/corpus/csv_scanner.hpp"

#include <cstring>

namespace embedtool {
namespace {

/// Position of the first `a` or `b` from `at` on, or the view's size. Eight bytes at a time: is any
/// byte of `word ^ pattern` zero (Warren, Hacker's Delight, 6-1)?
std::size_t find_either(std::string_view view, std::size_t at, char a, char b) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHigh = 0x8080808080808080;
  const std::uint64_t pattern_a = kOnes * static_cast<unsigned char>(a);
  const std::uint64_t pattern_b = kOnes * static_cast<unsigned char>(b);
  for (; at + sizeof(std::uint64_t) <= view.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, view.data() + at, sizeof word);
    const std::uint64_t in_a = word ^ pattern_a;
    const std::uint64_t in_b = word ^ pattern_b;
    if (((((in_a - kOnes) & ~in_a) | ((in_b - kOnes) & ~in_b)) & kHigh) != 0) break;
  }
  while (at < view.size() && view[at] != a && view[at] != b) ++at;
  return at;
}

}  // namespace

void CsvScanner::restart(std::size_t max_cells) {
  max_cells_ = max_cells;
  cells_.clear();
  count_ = 0;
  position_ = 0;
  state_ = State::start;
  done_ = false;
}

void CsvScanner::end_cell(std::string_view view, std::size_t end) {
  // The '\r' of a CRLF is no part of the last, unquoted cell.
  const bool line_end = end == view.size() || view[end] == '\n';
  if (!cell_.quoted && line_end && end > cell_.offset && view[end - 1] == '\r') --end;
  cell_.size = end - cell_.offset;
  // A hostile record of delimiters is counted, not stored.
  if (count_++ < max_cells_) cells_.push_back(cell_);
}

/// Moves on behind a cell; `c` is what ended it.
bool CsvScanner::after_cell(char c) {
  ++position_;
  state_ = State::start;
  done_ = c == '\n';
  return true;
}

/// Looks at what follows a quote inside a quoted field: another one (a doubled quote), a delimiter
/// or a line end (the field is over), or trouble.
bool CsvScanner::after_quote(std::string_view view) {
  const char c = view[position_];
  // Where the content ended: before the quote, and before the '\r' that may stand behind it.
  const std::size_t closing = position_ - (state_ == State::quote_cr ? 2 : 1);
  if (state_ == State::quote && c == '"') {
    cell_.doubled = true;
    state_ = State::quoted;
    ++position_;
    return true;
  }
  if (c == '\n' || (state_ == State::quote && c == delimiter_)) {
    end_cell(view.substr(0, position_), closing);
    return after_cell(c);
  }
  if (state_ == State::quote && c == '\r') {
    state_ = State::quote_cr;
    ++position_;
    return true;
  }
  error_ = "text after the closing quote of a field (double a quote inside a quoted field)";
  return false;
}

/// Takes one step from position_, which is inside the view. False when the record is bad.
bool CsvScanner::step(std::string_view view) {
  switch (state_) {
    case State::start:
      // Only a quote that opens a field is special; one further in is an ordinary character.
      cell_ = CsvCell{position_, 0, quotes_ && view[position_] == '"', false};
      state_ = cell_.quoted ? State::quoted : State::plain;
      if (cell_.quoted) cell_.offset = ++position_;
      return true;
    case State::plain:
      position_ = find_either(view, position_, delimiter_, '\n');
      if (position_ == view.size()) return true;
      end_cell(view, position_);
      return after_cell(view[position_]);
    case State::quoted: {
      const std::size_t quote = view.find('"', position_);
      position_ = quote == std::string_view::npos ? view.size() : quote + 1;
      if (quote != std::string_view::npos) state_ = State::quote;
      return true;
    }
    default:
      return after_quote(view);
  }
}

/// The view is used up and nothing follows.
CsvScanner::Status CsvScanner::finish(std::string_view view) {
  switch (state_) {
    case State::start:  // behind a delimiter: one more, empty cell
      cell_ = CsvCell{position_, 0, false, false};
      end_cell(view, position_);
      break;
    case State::plain:
      end_cell(view, position_);
      break;
    case State::quote:
      end_cell(view, position_ - 1);
      break;
    case State::quote_cr:
      end_cell(view, position_ - 2);
      break;
    case State::quoted:
      error_ = "an unterminated quoted field";
      return Status::bad;
  }
  done_ = true;
  return Status::record;
}

CsvScanner::Status CsvScanner::scan(std::string_view view, bool final) {
  while (position_ < view.size()) {
    if (!step(view)) return Status::bad;
    if (done_) return Status::record;
  }
  return final ? finish(view) : Status::need_more;
}

}  // namespace embedtool
