#include "cli/flags.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <system_error>
#include <utility>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kHelpWidth = 80;

/// Breaks at spaces so that no line is longer than `width`.
std::string wrapped(std::string_view text, std::size_t width) {
  std::string out;
  std::size_t line = 0;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    const std::string_view word = text.substr(0, end);
    if (line > 0 && line + 1 + word.size() > width) {
      out += '\n';
      line = 0;
    } else if (line > 0) {
      out += ' ';
      ++line;
    }
    out += word;
    line += word.size();
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return out;
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

CLI::Option* FlagGroup::choice_of(const std::string& names, std::vector<std::string> words,
                                  std::function<bool(const std::string&)> accepts,
                                  const std::string& help,
                                  std::function<void(const std::string&)> take) {
  const std::string metavar = fmt::format("{}", fmt::join(words, "|"));
  return finish(app_.add_option_function<std::string>(names, std::move(take), help)
                    ->option_text(metavar)
                    ->take_last())
      ->check(CLI::Validator(
          [accepts = std::move(accepts), words = std::move(words)](std::string& given) {
            return accepts(given)
                       ? std::string()
                       : fmt::format("{} is not one of {}", given, fmt::join(words, ", "));
          },
          ""));
}

CLI::Option* FlagGroup::choice(const std::string& names, std::string& target,
                               const std::vector<std::string>& words, const std::string& help) {
  const auto accepts = [words](const std::string& given) {
    return std::find(words.begin(), words.end(), given) != words.end();
  };
  return choice_of(names, words, accepts, help,
                   [&target](const std::string& word) { target = word; })
      ->default_str(target);
}

CLI::Option* FlagGroup::count_or(const std::string& names, std::string& target,
                                 const std::string& word, const std::string& help) {
  return value(names, target, "N|" + word, help)
      ->check(CLI::Validator(
          [word](std::string& given) {
            return given == word ? std::string() : whole_number(1)(given);
          },
          ""));
}

CLI::Option* FlagGroup::path(const std::string& names, std::string& target,
                             const std::string& metavar, const std::string& help) {
  return value(names, target, metavar, help)
      ->check(CLI::Validator(
          [](std::string& given) {
            return given.empty() ? std::string("the name is empty; is a variable unset?")
                                 : std::string();
          },
          ""));
}

CLI::Option* FlagGroup::text(const std::string& names, std::optional<std::string>& target,
                             const std::string& metavar, const std::string& help) {
  // Not a plain optional target: CLI11 takes an empty string for "not given" there.
  return finish(app_.add_option_function<std::string>(
                        names, [&target](const std::string& given) { target = given; }, help)
                    ->option_text(metavar)
                    ->take_last());
}

CLI::Validator FlagGroup::whole_number(std::uint64_t least) {
  return CLI::Validator(
      [least](std::string& given) {
        std::uint64_t n = 0;
        const char* end = given.data() + given.size();
        const auto [stopped, error] = std::from_chars(given.data(), end, n);
        if (error == std::errc() && stopped == end && n >= least) return std::string();
        return fmt::format("'{}' is not a whole number of at least {}", given, least);
      },
      "");
}

CLI::Option* FlagGroup::finish(CLI::Option* option) {
  option->group(title_);
  if (!option->get_lnames().empty()) option->envname(environment_name(option->get_lnames()[0]));
  return option;
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string /*name*/,
                                     CLI::AppFormatMode mode) const {
  const std::string out = "Usage: " + usage_ + "\n\n" + app->get_description() + "\n";
  std::string groups = make_groups(app, mode);
  // CLI11 puts two empty lines between groups.
  for (std::size_t at = 0; (at = groups.find("\n\n\n", at)) != std::string::npos;) {
    groups.erase(at, 1);
  }
  return out + groups + "\n" + make_footer(app);
}

std::string HelpFormatter::make_option_name(const CLI::Option* option, bool is_positional) const {
  if (is_positional) return option->get_name(true, false);
  const std::string long_name = "--" + option->get_lnames()[0];
  return option->get_snames().empty() ? "    " + long_name
                                      : fmt::format("-{}, {}", option->get_snames()[0], long_name);
}

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  return option->get_option_text().empty() ? "" : " " + option->get_option_text();
}

std::string HelpFormatter::make_option_desc(const CLI::Option* option) const {
  std::string text = option->get_description();
  if (!option->get_default_str().empty()) text += " [" + option->get_default_str() + "]";
  return wrapped(text, kHelpWidth - get_column_width());
}

std::vector<std::string> long_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

}  // namespace embedtool
