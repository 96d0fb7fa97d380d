#include "cli/help_formatter.hpp"

#include <fmt/core.h>

#include <string_view>

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

}  // namespace embedtool
