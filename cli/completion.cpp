#include "cli/completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <string_view>

#include "formats/io/shell_quote.hpp"

namespace embedtool {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// In a placeholder such as `N|auto`, words in capitals stand for values, the others for
/// themselves.
bool is_placeholder(const std::string& word) {
  return std::none_of(word.begin(), word.end(),
                      [](unsigned char c) { return std::islower(c) != 0 || std::isdigit(c) != 0; });
}

/// Placeholders of values that are files or folders.
bool names_path(const std::string& placeholder) {
  return placeholder == "FILE" || placeholder == "DIR" || placeholder == "OUT";
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

std::string spellings(const CompletedOption& option) {
  return (option.short_name.empty() ? "" : "-" + option.short_name + " ") + "--" + option.long_name;
}

// ------------------------------------------------------------------------------------------ bash
// Tables in `case` statements: the words of a command, and what an option's value may be.

std::string bash_values(const CompletedCommand& command) {
  std::string out;
  for (const CompletedOption& option : command.options) {
    if (!option.takes_value) continue;
    std::vector<std::string> names{command.name + ":--" + option.long_name};
    if (!option.short_name.empty()) names.push_back(command.name + ":-" + option.short_name);
    out += fmt::format("    {}) values={} paths={} ;;\n", fmt::join(names, "|"),
                       shell_quoted(joined(option.choices)), option.takes_path ? "yes" : "''");
  }
  return out;
}

std::string bash_script(const std::vector<CompletedCommand>& commands) {
  std::string names;
  std::string words;
  std::string values;
  for (const CompletedCommand& command : commands) {
    names += command.name + " ";
    std::string options;
    for (const CompletedOption& option : command.options) options += spellings(option) + " ";
    words += fmt::format("    {}) options={} arguments={} ;;\n", command.name,
                         shell_quoted(options), shell_quoted(joined(command.arguments)));
    values += bash_values(command);
  }
  return fmt::format(R"(# bash completion for embedtool
_embedtool() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} command='' word
  local options='' arguments='' values='' paths='' takes_value=yes
  # bash cuts --option=value into three words.
  if [[ $current == = ]]; then
    current=''
  elif [[ $before == = ]]; then
    before=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    if [[ $word != -* ]]; then
      command=$word
      break
    fi
  done
  if [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W {} -- "$current")
    return
  fi
  case $command in
{}    *) return ;;
  esac
  case $command:$before in
{}    *) takes_value='' ;;
  esac
  if [[ -n $takes_value ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current"
      [[ -z $paths ]] || compgen -f -- "$current")
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  elif [[ -n $arguments ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$arguments" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}}
complete -o filenames -o bashdefault -F _embedtool embedtool
)",
                     shell_quoted(names + "help --help --version"), words, values);
}

// ------------------------------------------------------------------------------------------- zsh
// A list of specifications for _arguments per command.

/// What stands in brackets or after a colon there.
std::string zsh_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_option(const CompletedOption& option) {
  std::string value;
  if (option.takes_value) {
    value = ":value:" + (!option.choices.empty() ? "(" + joined(option.choices) + ")"
                         : option.takes_path     ? std::string("_files")
                                                 : std::string());
  }
  const std::string help = "[" + zsh_escaped(option.help) + "]";
  const std::string long_name = "--" + option.long_name + (option.takes_value ? "=" : "");
  const std::string once = option.repeats ? "*" : "";
  std::string out = "      " + shell_quoted(once + long_name + help + value) + " \\\n";
  if (!option.short_name.empty()) {
    out += "      " + shell_quoted(once + "-" + option.short_name + help + value) + " \\\n";
  }
  return out;
}

std::string zsh_script(const std::vector<CompletedCommand>& commands) {
  std::string names;
  std::string cases;
  for (const CompletedCommand& command : commands) {
    names += "    " + shell_quoted(command.name + ":" + zsh_escaped(command.summary)) + "\n";
    cases += "    " + command.name + ") _arguments \\\n";
    for (const CompletedOption& option : command.options) cases += zsh_option(option);
    const std::string arguments =
        command.arguments.empty() ? "_files" : "(" + joined(command.arguments) + ")";
    cases += "      " + shell_quoted("*:argument:" + arguments) + " ;;\n";
  }
  return fmt::format(R"(#compdef embedtool
# zsh completion for embedtool
_embedtool() {{
  local -a commands
  commands=(
{}    'help:Show the help of a command'
  )
  if (( CURRENT == 2 )); then
    _describe -t commands command commands
    compadd -- --help --version
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
{}  esac
}}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _embedtool "$@"
else
  compdef _embedtool embedtool
fi
)",
                     names, cases);
}

// ------------------------------------------------------------------------------------------ fish
// One `complete` line for each command and option.

std::string fish_option(const CompletedCommand& command, const CompletedOption& option) {
  std::string line = fmt::format("complete -c embedtool -n '__fish_seen_subcommand_from {}' -l {}",
                                 command.name, option.long_name);
  if (!option.short_name.empty()) line += " -s " + option.short_name;
  if (option.takes_value) line += option.takes_path ? " -r -F" : " -x";
  if (!option.choices.empty()) line += " -a " + shell_quoted(joined(option.choices));
  return line + " -d " + shell_quoted(option.help) + "\n";
}

std::string fish_script(const std::vector<CompletedCommand>& commands) {
  std::string out = "# fish completion for embedtool\n";
  std::string names;
  for (const CompletedCommand& command : commands) names += command.name + " ";
  const std::string start =
      "complete -c embedtool -f -n 'not __fish_seen_subcommand_from " + names + "help'";
  for (const CompletedCommand& command : commands) {
    out += start + " -a " + command.name + " -d " + shell_quoted(command.summary) + "\n";
  }
  out += start + " -a help -d 'Show the help of a command'\n";
  out += start + " -l help -d 'Show help'\n" + start + " -l version -d 'Show the version'\n";
  for (const CompletedCommand& command : commands) {
    for (const CompletedOption& option : command.options) out += fish_option(command, option);
    if (command.arguments.empty()) continue;
    out += fmt::format("complete -c embedtool -f -n '__fish_seen_subcommand_from {}' -a {}\n",
                       command.name, shell_quoted(joined(command.arguments)));
  }
  return out;
}

}  // namespace

std::vector<CompletedOption> completed_options(const CLI::App& app) {
  std::vector<CompletedOption> options;
  for (const CLI::Option* declared : app.get_options()) {
    if (declared->get_lnames().empty()) continue;
    CompletedOption& option = options.emplace_back();
    option.long_name = declared->get_lnames()[0];
    if (!declared->get_snames().empty()) option.short_name = declared->get_snames()[0];
    option.help = declared->get_description();
    const std::string& text = declared->get_option_text();
    option.takes_value = !text.empty();
    option.repeats = declared->get_multi_option_policy() == CLI::MultiOptionPolicy::Throw &&
                     declared->get_items_expected_max() > 1;
    if (!option.takes_value) continue;
    for (const std::string& word : split(text, '|')) {
      if (!is_placeholder(word)) option.choices.push_back(word);
      option.takes_path |= names_path(word);
    }
  }
  return options;
}

std::string completion_script(Shell shell, const std::vector<CompletedCommand>& commands) {
  switch (shell) {
    case Shell::bash:
      return bash_script(commands);
    case Shell::zsh:
      return zsh_script(commands);
    case Shell::fish:
      return fish_script(commands);
  }
  return {};
}

}  // namespace embedtool
