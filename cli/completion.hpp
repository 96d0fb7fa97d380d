#pragma once

#include <string>
#include <vector>

#include "core/base/enum_words.hpp"

namespace CLI {
class App;
}

namespace embedtool {

enum class Shell : std::uint8_t { bash, zsh, fish };
template <>
inline constexpr auto enum_words<Shell> = std::to_array<EnumWord<Shell>>({
    {Shell::bash, "bash"},
    {Shell::zsh, "zsh"},
    {Shell::fish, "fish"},
});

/// What a shell needs to know of an option, or of a command's arguments.
struct CompletedOption {
  std::string long_name;   ///< without dashes; empty for arguments
  std::string short_name;  ///< without its dash; may be empty
  std::string help;        ///< one sentence
  bool takes_value = false;
  bool repeats = false;              ///< may be given more than once
  std::vector<std::string> choices;  ///< words that the value may be
  bool takes_path = false;           ///< the value may be a file or a folder
};

/// A command and what it takes, in the order of its help.
struct CompletedCommand {
  std::string name;
  std::string summary;
  std::vector<CompletedOption> options;
  std::vector<std::string> arguments;  ///< words that its arguments may be; empty: paths
};

/// The options that `app` declares.
std::vector<CompletedOption> completed_options(const CLI::App& app);

/// The script that makes a shell complete `embedtool` and everything in `commands`.
std::string completion_script(Shell shell, const std::vector<CompletedCommand>& commands);

}  // namespace embedtool
