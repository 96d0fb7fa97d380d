// embedtool completion: a script that makes a shell complete commands, options and their values. It
// is made from the same declarations that the parser uses, so that it cannot lag behind them.
#include <memory>
#include <string>
#include <vector>

#include "cli/app_builder.hpp"
#include "cli/completion.hpp"
#include "cli/flags.hpp"
#include "cli/stdout_writer.hpp"

namespace embedtool {
namespace {

std::vector<CompletedCommand> completed_commands() {
  std::vector<CompletedCommand> completed;
  for (const Command& command : commands()) {
    CompletedCommand& one = completed.emplace_back();
    one.name = command.name;
    one.summary = command.summary;
    one.options = completed_options(*build_app(command).app);
    if (one.name == "completion") one.arguments = all_words<Shell>();
  }
  return completed;
}

}  // namespace

RunCommand declare_completion(CLI::App& app) {
  const auto word = std::make_shared<std::string>();
  declare_argument(app, "SHELL", *word).required();
  return [word](Session&) {
    const auto shell = parse_named<Shell>(*word, "shell");
    print_to_stdout(completion_script(shell, completed_commands()));
    return ExitCode::ok;
  };
}

}  // namespace embedtool
