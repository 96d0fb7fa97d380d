#include "cli/app_builder.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <sstream>
#include <utility>
#include <vector>

#include "cli/flags.hpp"
#include "cli/help_formatter.hpp"
#include "cli/suggest.hpp"

namespace embedtool {
namespace {

constexpr const char* kFooter =
    "Every option can also be set in the --config file or by an environment "
    "variable:\n--batch-size 64 is batch-size = 64 or EMBEDTOOL_BATCH_SIZE=64. The command "
    "line\noverrides the environment, and the environment overrides the file.";

bool has_option(const CLI::App& app, const std::string& name) {
  return app.get_option_no_throw("--" + name) != nullptr;
}

/// Whether the option's environment variable is set.
bool set_by_environment(const CLI::App& app, const std::string& name) {
  const char* value = std::getenv(app.get_option("--" + name)->get_envname().c_str());
  return value != nullptr && *value != '\0';
}

/// Throws unless `section` is the name of a subcommand.
void require_section(const std::string& section) {
  std::vector<std::string> names;
  for (const Command& command : commands()) names.emplace_back(command.name);
  if (std::find(names.begin(), names.end(), section) != names.end()) return;
  throw Error(ExitCode::usage, "--config: unknown section [{}]{}", section,
              did_you_mean(section, names));
}

/// The line of a settings file that gives the item its value, from 1; 0 if it is not found.
std::size_t line_of(const CLI::ConfigItem& item, const std::string& file) {
  std::istringstream lines(file);
  std::string section;
  const std::string wanted = item.parents.empty() ? "" : item.parents[0];
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::size_t start = line.find_first_not_of(" \t");
    if (start == std::string::npos) continue;
    line.erase(0, start);
    if (line[0] == '[') section = line.substr(1, line.find(']') - 1);
    const std::size_t end = line.find_first_of(" \t=");
    if (section == wanted && line.substr(0, end) == item.name) return number;
  }
  return 0;
}

/// Ends the run unless the option exists in the subcommand that the section names, or outside of
/// any section in some subcommand. `where` names the file and line.
void require_known(const CLI::ConfigItem& item, const std::string& where) {
  std::vector<std::string> candidates;
  for (const Command& command : commands()) {
    if (!item.parents.empty() && item.parents[0] != command.name) continue;
    const BuiltApp built = build_app(command);
    if (has_option(*built.app, item.name)) return;
    for (const std::string& name : long_options(*built.app)) candidates.push_back(name.substr(2));
  }
  throw Error(ExitCode::usage, "{}: {} is not a setting{}", where, item.fullname(),
              did_you_mean(item.name, candidates));
}

/// `--config FILE`: TOML-like `option = value` lines. Lines before any section hold for every
/// subcommand that has such an option; `[encode]` holds for that subcommand and wins over them.
/// A name that no subcommand knows is an Error(usage) with a suggestion.
class SettingsFile : public CLI::ConfigBase {
 public:
  SettingsFile(const Command& command, const CLI::App& app) : command_(command), app_(app) {}

  /// The items for this subcommand, those of its own section first: CLI11 keeps the first value. It
  /// reads the environment last, so items that a variable overrides are left out here.
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> own;
    std::vector<CLI::ConfigItem> shared;
    const std::string file{std::istreambuf_iterator<char>(input), {}};
    std::istringstream again(file);
    for (CLI::ConfigItem& item : CLI::ConfigBase::from_config(again)) {
      if (item.name == "++" || item.name == "--") continue;  // CLI11's marks around a section
      if (item.parents.size() > 1) require_section(item.parents[0] + "." + item.parents[1]);
      if (!item.parents.empty()) require_section(item.parents[0]);
      require_known(item, where_of(item, file));
      if (!has_option(app_, item.name) || set_by_environment(app_, item.name)) continue;
      const bool is_own = !item.parents.empty();
      if (is_own && item.parents[0] != command_.name) continue;
      item.parents.clear();
      (is_own ? own : shared).push_back(std::move(item));
    }
    own.insert(own.end(), std::make_move_iterator(shared.begin()),
               std::make_move_iterator(shared.end()));
    return own;
  }

 private:
  std::string where_of(const CLI::ConfigItem& item, const std::string& file) const {
    const CLI::Option* option = app_.get_config_ptr();
    const std::string name =
        option == nullptr || option->empty() ? "--config" : option->results().back();
    const std::size_t line = line_of(item, file);
    return line == 0 ? name : name + ":" + std::to_string(line);
  }

  const Command& command_;
  const CLI::App& app_;
};

void declare_common(CLI::App& app, CommonFlags& flags, const Command& command) {
  FlagGroup group(app, "Messages and settings");
  const Flag quiet = group.flag("-q,--quiet", flags.quiet, "Print only errors on standard error");
  group.flag("-v,--verbose", flags.verbose, "Print more detail").excludes(quiet);
  group.choice("--progress", flags.progress, "Progress line; auto: only on a terminal");
  group.choice("--color", flags.color, "Colors in messages; auto: only on a terminal");
  group.choice("--log-format", flags.log_format, "Plain messages, or one JSON object per line");
  app.set_config("--config", "", "Read settings from FILE")
      ->option_text("FILE")
      ->group("Messages and settings");
  app.config_formatter(std::make_shared<SettingsFile>(command, app));
  app.set_help_flag("-h,--help", "Show this help")->group("Messages and settings");
}

}  // namespace

BuiltApp::BuiltApp() = default;
BuiltApp::BuiltApp(BuiltApp&&) noexcept = default;
BuiltApp::~BuiltApp() = default;

BuiltApp build_app(const Command& command) {
  BuiltApp built;
  built.common = std::make_unique<CommonFlags>();
  built.app = std::make_unique<CLI::App>(command.purpose, std::string("embedtool ") + command.name);
  built.app->set_help_flag("");  // declared last, so that it is listed last
  built.app->formatter(std::make_shared<HelpFormatter>(std::string("embedtool ") + command.usage));
  built.app->footer(std::string(kFooter) + "\nManual: man embedtool-" + command.name);
  built.run = command.declare(*built.app);
  declare_common(*built.app, *built.common, command);
  return built;
}

ConsoleOptions console_options(const CommonFlags& flags) {
  ConsoleOptions options;
  if (flags.quiet) options.verbosity = Verbosity::quiet;
  if (flags.verbose) options.verbosity = Verbosity::verbose;
  options.format = flags.log_format;
  options.progress = flags.progress;
  options.color = flags.color;
  return options;
}

}  // namespace embedtool
