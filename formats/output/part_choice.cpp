#include "formats/output/part_choice.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <system_error>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

[[noreturn]] void refuse(std::string_view option, std::string_view word) {
  throw Error(ExitCode::usage, "{}: '{}' is not a list of units such as 17,40-43", option, word);
}

/// Takes a number off the front of `word`.
std::uint64_t take_number(std::string_view option, std::string_view whole, std::string_view& word) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc()) refuse(option, whole);
  word.remove_prefix(static_cast<std::size_t>(end - word.data()));
  return number;
}

std::vector<std::size_t> listed(std::size_t count, const std::vector<UnitSpan>& spans) {
  std::vector<std::size_t> units;
  for (const UnitSpan& span : spans) {
    if (span.last >= count) {
      throw Error(ExitCode::usage, "--units: there is no unit {}; the inputs come to units 0 to {}",
                  span.last, count - 1);
    }
    for (std::uint64_t unit = span.first; unit <= span.last; ++unit) units.push_back(unit);
  }
  std::sort(units.begin(), units.end());
  units.erase(std::unique(units.begin(), units.end()), units.end());
  return units;
}

}  // namespace

std::vector<UnitSpan> parse_unit_list(std::string_view option, std::string_view text) {
  constexpr std::string_view kBetween = ", \t\r\n";
  std::vector<UnitSpan> spans;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(kBetween), text.size()));
    if (text.empty()) break;
    const std::string_view whole = text.substr(0, text.find_first_of(kBetween));
    text.remove_prefix(whole.size());
    std::string_view word = whole;
    UnitSpan span;
    span.first = span.last = take_number(option, whole, word);
    if (word.starts_with('-')) {
      word.remove_prefix(1);
      span.last = take_number(option, whole, word);
    }
    if (!word.empty() || span.last < span.first) refuse(option, whole);
    spans.push_back(span);
  }
  if (spans.empty()) throw Error(ExitCode::usage, "{}: lists no unit", option);
  return spans;
}

std::string show_units(std::span<const std::size_t> units) {
  std::string text;
  for (std::size_t i = 0; i < units.size();) {
    std::size_t end = i + 1;
    while (end < units.size() && units[end] == units[end - 1] + 1) ++end;
    if (!text.empty()) text += ',';
    text += std::to_string(units[i]);
    if (end > i + 1) text += fmt::format("-{}", units[end - 1]);
    i = end;
  }
  return text;
}

std::vector<std::size_t> choose_units(std::span<const CorpusUnit> all, const PartChoice& choice) {
  std::vector<std::size_t> dealt;
  if (choice.units) {
    dealt = listed(all.size(), *choice.units);
  } else {
    dealt.resize(all.size());
    std::iota(dealt.begin(), dealt.end(), std::size_t{0});
  }
  // An empty unit weighs a byte, so that it has a place as well.
  const auto weight = [&](std::size_t unit) {
    return std::max<std::uint64_t>(all[unit].bytes(), 1);
  };
  double total = 0;
  for (const std::size_t unit : dealt) total += static_cast<double>(weight(unit));
  const double parts = static_cast<double>(choice.parts);
  std::vector<std::size_t> taken;
  double before = 0;
  for (const std::size_t unit : dealt) {
    // By a unit's middle: the units at both ends of a part are as often cut short as not.
    const double middle = before + static_cast<double>(weight(unit)) / 2;
    const double part = std::min(std::floor(middle / total * parts) + 1, parts);
    if (static_cast<std::uint64_t>(part) == choice.part) taken.push_back(unit);
    before += static_cast<double>(weight(unit));
  }
  return taken;
}

}  // namespace embedtool
