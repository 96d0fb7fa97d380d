#include "formats/corpus_numbers.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>

namespace embedtool {
namespace {

std::size_t skip_digits(std::string_view token, std::size_t at) {
  while (at < token.size() && token[at] >= '0' && token[at] <= '9') ++at;
  return at;
}

/// Is the JSON number, known to be out of a float's range, too small (rather than too large)?
/// Looks at where its first digit other than zero stands.
bool is_small(std::string_view number) {
  const std::size_t mark = number.find_first_of("eE");
  const std::string_view mantissa = number.substr(0, mark);
  const std::size_t first = mantissa.find_first_of("123456789");
  if (first == std::string_view::npos) return true;
  const auto at = static_cast<std::int64_t>(first);
  const auto point = static_cast<std::int64_t>(std::min(mantissa.find('.'), mantissa.size()));
  std::int64_t exponent = 0;
  if (mark != std::string_view::npos) {
    std::string_view text = number.substr(mark + 1);
    if (text.starts_with('+')) text.remove_prefix(1);
    const bool huge =
        std::from_chars(text.data(), text.data() + text.size(), exponent).ec != std::errc();
    if (huge) return text.starts_with('-');
  }
  // `exponent` is bounded by what an int64 holds, the rest by the record's length.
  return exponent < at - point;
}

}  // namespace

bool is_json_number(std::string_view token) {
  std::size_t at = token.starts_with('-') ? 1 : 0;
  const std::size_t whole = skip_digits(token, at);
  if (whole == at || (token[at] == '0' && whole > at + 1)) return false;
  at = whole;
  if (at < token.size() && token[at] == '.') {
    const std::size_t fraction = skip_digits(token, at + 1);
    if (fraction == at + 1) return false;
    at = fraction;
  }
  if (at < token.size() && (token[at] == 'e' || token[at] == 'E')) {
    ++at;
    if (at < token.size() && (token[at] == '+' || token[at] == '-')) ++at;
    const std::size_t exponent = skip_digits(token, at);
    if (exponent == at) return false;
    at = exponent;
  }
  return at == token.size();
}

bool parse_float(std::string_view number, float& value) {
  const char* end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, value);
  if (stop != end) return false;
  if (error == std::errc()) return true;
  if (error != std::errc::result_out_of_range || !is_small(number)) return false;
  value = number.starts_with('-') ? -0.0F : 0.0F;
  return true;
}

void NumberArray::skip_space() {
  const std::size_t first = rest_.find_first_not_of(" \t\r\n");
  rest_.remove_prefix(first == std::string_view::npos ? rest_.size() : first);
}

NumberArray::Step NumberArray::next(std::string_view& number) {
  skip_space();
  const char expected = started_ ? ',' : '[';
  const bool closing = started_ && rest_.starts_with(']');
  if (!closing && !rest_.starts_with(expected)) return Step::bad;
  rest_.remove_prefix(1);
  skip_space();
  const bool empty = !started_ && rest_.starts_with(']');
  if (empty) {
    rest_.remove_prefix(1);
    skip_space();
  }
  if (closing || empty) return rest_.empty() ? Step::end : Step::bad;
  started_ = true;
  number = rest_.substr(0, rest_.find_first_of(" \t\r\n,]"));
  if (!is_json_number(number)) return Step::bad;
  rest_.remove_prefix(number.size());
  return Step::number;
}

}  // namespace embedtool
