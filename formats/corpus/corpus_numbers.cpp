#include "formats/corpus/corpus_numbers.hpp"

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

std::size_t json_number_length(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const std::size_t whole = skip_digits(text, at);
  if (whole == at) return 0;
  if (text[at] == '0' && whole > at + 1) return 0;  // a leading zero
  at = whole;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = skip_digits(text, at + 1);
    if (fraction == at + 1) return 0;
    at = fraction;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t exponent = skip_digits(text, at);
    if (exponent == at) return 0;
    at = exponent;
  }
  return at;
}

bool is_json_number(std::string_view token) {
  return !token.empty() && json_number_length(token) == token.size();
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
  std::size_t at = 0;
  while (at < rest_.size() && is_json_space(rest_[at])) ++at;
  rest_.remove_prefix(at);
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
  // Whatever stands right behind the number, the next step looks at.
  number = rest_.substr(0, json_number_length(rest_));
  rest_.remove_prefix(number.size());
  return number.empty() ? Step::bad : Step::number;
}

}  // namespace embedtool
