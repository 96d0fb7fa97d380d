#include "formats/corpus/corpus_sniff.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "formats/corpus/corpus_numbers.hpp"
#include "formats/corpus/csv_dialect.hpp"
#include "formats/corpus/json_scanner.hpp"

namespace embedtool {
namespace {

/// Lines that are looked at.
constexpr std::size_t kLines = 64;

/// How JSON is laid out.
enum class Layout : std::uint8_t {
  none,    ///< it is not JSON
  lines,   ///< an object a line
  values,  ///< an array, or objects over several lines or several on one
};

std::string_view skip_marks(std::string_view text) {
  while (!text.empty() && (is_json_space(text.front()) || text.front() == '\x1e')) {
    text.remove_prefix(1);
  }
  return text;
}

/// The same, and a byte order mark among them.
std::string_view skip_all_marks(std::string_view text) {
  text = skip_marks(text);
  return text.starts_with("\xef\xbb\xbf") ? skip_marks(text.substr(3)) : text;
}

/// `{`, then a key or the end.
bool begins_object(std::string_view text) {
  if (!text.starts_with('{')) return false;
  text = skip_marks(text.substr(1));
  return text.empty() || text.front() == '"' || text.front() == '}';
}

/// `[`, then a first element that is an object or, whole, another value. (`[1] …` or `[[Link]]` are
/// ways in which texts begin as well.)
bool begins_array(std::string_view text, std::size_t max_depth, bool whole) {
  if (!text.starts_with('[')) return false;
  const std::string_view inside = skip_marks(text.substr(1));
  if (inside.empty()) return whole ? false : true;
  if (begins_object(inside)) return true;
  if (inside.front() == ']') {  // an empty one: records are behind it, or nothing is
    const std::string_view behind = skip_marks(inside.substr(1));
    return behind.empty() || begins_object(behind);
  }
  JsonScanner scanner(max_depth);
  scanner.restart();
  const auto status = scanner.scan(text, whole);
  if (status == JsonScanner::Status::need_more) return true;
  // A whole array must be all that its line holds.
  return status == JsonScanner::Status::value &&
         skip_marks(text.substr(scanner.size(), 2)).size() < 2 && inside.front() == '"';
}

/// The first object's extent tells lines from other layouts.
Layout layout_of_objects(std::string_view text, bool whole, std::size_t max_depth) {
  JsonScanner scanner(max_depth);
  scanner.restart();
  const auto status = scanner.scan(text, whole);
  const std::string_view value = text.substr(0, scanner.size());
  // A damaged line is a line.
  const std::size_t newline = value.find('\n');
  if (status == JsonScanner::Status::bad) {
    const bool line_over = newline != std::string_view::npos &&
                           value.find_first_not_of(" \t\r\n", newline) != std::string_view::npos;
    return line_over ? Layout::values : Layout::lines;
  }
  if (newline != std::string_view::npos) return Layout::values;
  if (status == JsonScanner::Status::need_more) return Layout::lines;
  const std::string_view rest = text.substr(scanner.size());
  const std::size_t next = rest.find_first_not_of(" \t\r");
  const bool alone = next == std::string_view::npos || rest[next] == '\n';
  const bool more = !alone && (rest[next] == '{' || rest[next] == ',' || rest[next] == '\x1e');
  return more ? Layout::values : Layout::lines;
}

/// Calls `take` with each of the first lines that are not blank; a last one that may be cut off is
/// left out unless it is the only one.
template <typename Take>
void for_lines(const InputHead& head, const Take& take) {
  std::string_view rest = head.bytes;
  for (std::size_t n = 0; n < kLines && !rest.empty();) {
    const std::size_t newline = rest.find('\n');
    const bool cut = newline == std::string_view::npos;
    if (cut && !head.whole && n > 0) break;
    std::string_view line = rest.substr(0, newline);
    rest.remove_prefix(cut ? rest.size() : newline + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (skip_marks(line).empty()) continue;
    ++n;
    take(line);
  }
}

struct LineCounts {
  std::size_t lines = 0;
  std::size_t objects = 0;

  /// What is in front of them may be noise.
  bool mostly_objects() const { return objects > 0 && objects * 2 >= lines; }
};

LineCounts count_lines(const InputHead& head) {
  LineCounts counts;
  for_lines(head, [&](std::string_view line) {
    ++counts.lines;
    counts.objects += begins_object(skip_all_marks(line)) ? 1U : 0U;
  });
  return counts;
}

Layout layout_of(const InputHead& head, const CorpusOptions& options) {
  const std::string_view text = skip_all_marks(head.bytes);
  if (begins_array(text, options.max_depth, head.whole)) return Layout::values;
  const bool object = begins_object(text);
  if (object && layout_of_objects(text, head.whole, options.max_depth) == Layout::values) {
    return Layout::values;
  }
  if (count_lines(head).mostly_objects()) return Layout::lines;
  // Damaged lines, or one that is longer than the block.
  const bool one_line = text.find('\n') == std::string_view::npos;
  return object && one_line && !head.whole ? Layout::lines : Layout::none;
}

}  // namespace

bool looks_like_object(std::string_view line) {
  line = skip_all_marks(line);
  if (!begins_object(line)) return false;
  const std::size_t last = line.find_last_not_of(" \t\r\n,");
  return last != std::string_view::npos && line[last] == '}';
}

Fit fits_jsonl(const InputHead& head, const CorpusOptions& options) {
  switch (layout_of(head, options)) {
    case Layout::lines: {
      const LineCounts counts = count_lines(head);
      return counts.objects == counts.lines ? Fit::certain : Fit::likely;
    }
    case Layout::values:
      return Fit::no;
    case Layout::none:
      return Fit::possible;
  }
  return Fit::possible;
}

Fit fits_json(const InputHead& head, const CorpusOptions& options) {
  switch (layout_of(head, options)) {
    case Layout::lines:
      return Fit::no;
    case Layout::values:
      return Fit::certain;
    case Layout::none:
      return Fit::possible;
  }
  return Fit::possible;
}

Fit fits_csv(const InputHead& head, const CorpusOptions& options) {
  if (layout_of(head, options) != Layout::none) return Fit::no;
  return has_table_header(head, options) ? Fit::certain : Fit::possible;
}

Fit fits_tsv(const InputHead& head, const CorpusOptions& options) {
  return fits_csv(head, options);  // both find the delimiter; the name is a matter of taste
}

Fit fits_text(const InputHead& /*head*/, const CorpusOptions& /*options*/) {
  return Fit::possible;
}

Fit fits_nothing(const InputHead& /*head*/, const CorpusOptions& /*options*/) {
  return Fit::no;
}

std::string doubt_text(const InputHead& head, const CorpusOptions& options) {
  if (layout_of(head, options) == Layout::lines) {
    return "its lines are JSON objects, but are read as texts; --format jsonl reads them as "
           "records";
  }
  std::size_t lines = 0;
  std::size_t columns = 0;
  bool same = true;
  for_lines(head, [&](std::string_view line) {
    const auto found = static_cast<std::size_t>(std::count(line.begin(), line.end(), '\t'));
    same = same && (lines == 0 || found == columns);
    columns = found;
    ++lines;
  });
  if (lines < 3 || columns == 0 || !same) return {};
  return fmt::format(
      "its lines have {0} columns each, separated by tabs, but are read as texts; "
      "--format tsv reads columns (with --no-header --text-field {0}, say)",
      columns + 1);
}

}  // namespace embedtool
