#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace embedtool {

/// White space as RFC 8259 defines it.
constexpr bool is_json_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Length of the longest JSON number at the start of `text`, 0 if there is none.
std::size_t json_number_length(std::string_view text);

/// Exactly a number of RFC 8259's grammar? (No leading zeros, no `+`, no NaN.)
bool is_json_number(std::string_view token);

/// The float nearest to a JSON number, as strtof gives it: rounded once, from the decimal; too
/// small becomes (signed) zero or a subnormal, too large is false.
bool parse_float(std::string_view number, float& value);

/// Steps through a flat JSON array of numbers, `[1, 2.5]`. The input is not trusted.
class NumberArray {
 public:
  explicit NumberArray(std::string_view json) : rest_(json) {}
  enum class Step : std::uint8_t { number, end, bad };
  /// Gives the next number's text.
  Step next(std::string_view& number);

 private:
  void skip_space();

  std::string_view rest_;
  bool started_ = false;
};

}  // namespace embedtool
