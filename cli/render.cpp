#include "cli/render.hpp"

#include <algorithm>

#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

std::size_t code_points(std::string_view text) {
  return text.size() - static_cast<std::size_t>(
                           std::count_if(text.begin(), text.end(), unicode::is_continuation));
}

}  // namespace

std::string Table::text(std::size_t indent) const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], code_points(row[i]));
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - code_points(row[i]), ' ');
      if (i > 0) line += "  ";
      line += columns_[i] == Align::left ? row[i] + padding : padding + row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string one_line(std::string_view text, std::size_t width) {
  std::string out;
  std::size_t used = 0;
  bool space = false;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    while (end < text.size() && unicode::is_continuation(text[end])) ++end;
    const std::string_view character = text.substr(at, end - at);
    at = end;
    const auto first = static_cast<unsigned char>(character[0]);
    // C0 controls, DEL, and the C1 controls U+0080..U+009F (0xC2 0x80..0x9F).
    const bool is_c1 =
        first == 0xC2 && character.size() == 2 && static_cast<unsigned char>(character[1]) < 0xA0;
    if (first <= 0x20 || first == 0x7F || is_c1) {
      space = used > 0;
      continue;
    }
    if (used + (space ? 1 : 0) + 1 > width) {
      if (used == width) {  // the mark takes the place of the last character
        while (!out.empty() && unicode::is_continuation(out.back())) out.pop_back();
        if (!out.empty()) out.pop_back();
      }
      return out + "…";
    }
    if (space) {
      out += ' ';
      ++used;
      space = false;
    }
    out += character;
    ++used;
  }
  return out;
}

}  // namespace embedtool
