#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace embedtool {

/// Columns of text, aligned when printed: the first to the left, the others to the right unless
/// told otherwise. Widths count code points.
class Table {
 public:
  enum class Align { left, right };

  explicit Table(std::vector<Align> columns) : columns_(std::move(columns)) {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// Every row on a line of its own, indented by `indent` spaces, two spaces between columns.
  std::string text(std::size_t indent = 0) const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// One line of at most `width` code points: line breaks and tabs become spaces, and what does not
/// fit becomes "…". Control characters are dropped: a corpus must not drive the terminal.
std::string one_line(std::string_view text, std::size_t width);

}  // namespace embedtool
