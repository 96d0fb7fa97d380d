#include "cli/flags.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <system_error>
#include <utility>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

/// A check that says what is wrong with a value, or "".
CLI::Validator check_of(std::function<std::string(std::string&)> check) {
  return CLI::Validator(std::move(check), "");
}

CLI::Validator whole_number(std::uint64_t least) {
  return check_of([least](std::string& given) {
    std::uint64_t n = 0;
    const char* end = given.data() + given.size();
    const auto [stopped, error] = std::from_chars(given.data(), end, n);
    if (error == std::errc() && stopped == end && n >= least) return std::string();
    return fmt::format("'{}' is not a whole number of at least {}", given, least);
  });
}

}  // namespace

std::string environment_name(std::string_view long_option) {
  std::string name = "EMBEDTOOL_";
  for (const char c : long_option.substr(long_option.find_first_not_of('-'))) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

std::uint64_t parse_size(std::string_view option, std::string_view word) {
  std::uint64_t number = 0;
  const auto [stopped, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  std::string_view unit = word.substr(static_cast<std::size_t>(stopped - word.data()));
  constexpr std::string_view kUnits = "KMGT";
  const std::size_t power =
      unit.empty()
          ? std::string_view::npos
          : kUnits.find(static_cast<char>(std::toupper(static_cast<unsigned char>(unit.front()))));
  const unsigned shift =
      power == std::string_view::npos ? 0 : 10 * static_cast<unsigned>(power + 1);
  if (shift > 0) unit.remove_prefix(1);
  const bool good = error == std::errc() && (unit.empty() || unit == "B" || unit == "iB") &&
                    number > 0 && number <= (UINT64_MAX >> shift);
  if (!good) {
    throw Error(ExitCode::usage, "{} {}: not a size such as 800M or 4G", option, word);
  }
  return number << shift;
}

double parse_duration(std::string_view option, std::string_view word) {
  constexpr std::pair<std::string_view, double> kUnits[] = {{"", 1},   {"s", 1},    {"ms", 1e-3},
                                                            {"m", 60}, {"min", 60}, {"h", 3600}};
  double number = 0;
  const auto [stopped, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  const std::string_view given = word.substr(static_cast<std::size_t>(stopped - word.data()));
  for (const auto& [unit, seconds] : kUnits) {
    if (error == std::errc() && given == unit && number > 0 && number < 1e6) {
      return number * seconds;
    }
  }
  throw Error(ExitCode::usage, "{} {}: not a time such as 30s or 2m", option, word);
}

Flag Flag::required() const {
  return Flag(option_->required());
}

Flag Flag::excludes(Flag other) const {
  return Flag(option_->excludes(other.option_));
}

Flag Flag::shows_default() const {
  return Flag(option_->capture_default_str());
}

Flag Flag::split_at_commas() const {
  return Flag(option_->delimiter(','));
}

Flag Flag::within(double least, double most) const {
  return Flag(option_->check(CLI::Range(least, most)));
}

// In no group, hence in no list.
Flag declare_argument(CLI::App& app, const std::string& name, std::string& target) {
  return Flag(app.add_option(name, target)->group(""));
}

Flag declare_arguments(CLI::App& app, const std::string& name, std::vector<std::string>& target) {
  return Flag(app.add_option(name, target)->group(""));
}

template <typename T>
CLI::Option* FlagGroup::add_value(const std::string& names, T& target, const std::string& metavar,
                                  const std::string& help) {
  return finish(app_.add_option(names, target, help)->option_text(metavar)->take_last());
}

template <typename T>
Flag FlagGroup::value(const std::string& names, T& target, const std::string& metavar,
                      const std::string& help) {
  return Flag(add_value(names, target, metavar, help));
}
template Flag FlagGroup::value(const std::string&, std::string&, const std::string&,
                               const std::string&);
template Flag FlagGroup::value(const std::string&, std::optional<std::string>&, const std::string&,
                               const std::string&);
template Flag FlagGroup::value(const std::string&, double&, const std::string&, const std::string&);

template <typename T>
Flag FlagGroup::count(const std::string& names, T& target, const std::string& help,
                      std::uint64_t least) {
  return Flag(add_value(names, target, "N", help)->check(whole_number(least)));
}
template Flag FlagGroup::count(const std::string&, std::uint64_t&, const std::string&,
                               std::uint64_t);
template Flag FlagGroup::count(const std::string&, std::optional<std::uint64_t>&,
                               const std::string&, std::uint64_t);

Flag FlagGroup::choice_of(const std::string& names, std::vector<std::string> words,
                          const std::string& usual, std::function<bool(const std::string&)> accepts,
                          const std::string& help, std::function<void(const std::string&)> take) {
  const std::string metavar = fmt::format("{}", fmt::join(words, "|"));
  CLI::Option* option = finish(app_.add_option_function<std::string>(names, std::move(take), help)
                                   ->option_text(metavar)
                                   ->take_last());
  option->check(
      check_of([accepts = std::move(accepts), words = std::move(words)](std::string& given) {
        return accepts(given) ? std::string()
                              : fmt::format("{} is not one of {}", given, fmt::join(words, ", "));
      }));
  return Flag(option->default_str(usual));
}

Flag FlagGroup::choice(const std::string& names, std::string& target,
                       const std::vector<std::string>& words, const std::string& help) {
  const auto accepts = [words](const std::string& given) {
    return std::find(words.begin(), words.end(), given) != words.end();
  };
  return choice_of(names, words, target, accepts, help,
                   [&target](const std::string& word) { target = word; });
}

Flag FlagGroup::count_or(const std::string& names, std::string& target, const std::string& word,
                         const std::string& help) {
  return Flag(
      add_value(names, target, "N|" + word, help)->check(check_of([word](std::string& given) {
        return given == word ? std::string() : whole_number(1)(given);
      })));
}

Flag FlagGroup::path(const std::string& names, std::string& target, const std::string& metavar,
                     const std::string& help) {
  return Flag(add_value(names, target, metavar, help)->check(check_of([](std::string& given) {
    return given.empty() ? std::string("the name is empty; is a variable unset?") : std::string();
  })));
}

Flag FlagGroup::text(const std::string& names, std::optional<std::string>& target,
                     const std::string& metavar, const std::string& help) {
  // Not a plain optional target: CLI11 takes an empty string for "not given" there.
  return Flag(finish(app_.add_option_function<std::string>(
                             names, [&target](const std::string& given) { target = given; }, help)
                         ->option_text(metavar)
                         ->take_last()));
}

Flag FlagGroup::list(const std::string& names, std::vector<std::string>& target,
                     const std::string& metavar, const std::string& help) {
  return Flag(
      finish(app_.add_option(names, target, help)->option_text(metavar))->allow_extra_args(false));
}

Flag FlagGroup::flag(const std::string& names, bool& target, const std::string& help) {
  return Flag(finish(app_.add_flag(names, target, help)));
}

CLI::Option* FlagGroup::finish(CLI::Option* option) {
  option->group(title_);
  if (!option->get_lnames().empty()) option->envname(environment_name(option->get_lnames()[0]));
  return option;
}

std::vector<std::string> long_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

}  // namespace embedtool
