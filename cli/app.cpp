#include "cli/app.hpp"

#include <fmt/core.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "cli/app_builder.hpp"
#include "cli/commands.hpp"
#include "cli/early_checks.hpp"
#include "cli/flags.hpp"
#include "cli/signals.hpp"
#include "cli/suggest.hpp"
#include "cli/version.hpp"

namespace embedtool {
namespace {

constexpr Command kCommands[] = {
    {"encode", "encode [OPTIONS] [INPUT...] -o OUT", "Turn a corpus into embedding shards",
     "Turns a corpus into embedding shards. INPUT is JSONL, JSON, plain text, CSV, TSV,\n"
     "Parquet or Arrow, plain or compressed with gzip, zstd, bzip2, xz or lz4, or a folder\n"
     "of such files. With - or no INPUT, reads standard input.",
     declare_encode},
    {"info", "info [OPTIONS] [PATH]", "Show what a model or an output is",
     "Describes a model (a folder, ORG/NAME in the hub's cache, or builtin) or an output of\n"
     "encode. Without PATH, lists the models that have a name.",
     declare_info},
    {"verify", "verify [OPTIONS] OUT", "Check an output against its checksums",
     "Checks an output of encode against its checksums and invariants.", declare_verify},
    {"merge", "merge [OPTIONS] OUT [DIR...]", "Join the parts of a job into one output",
     "Makes one output of the units that processes of `encode --part` have written to OUT, or\nto "
     "several directories. Checks that none is missing and that all belong together.",
     declare_merge},
    {"diff", "diff [OPTIONS] OLD NEW", "Show what changed between two outputs",
     "Compares two outputs of encode by id, without their model, and writes the changes "
     "that\nbring "
     "an index of the old one up to date: deletes first, then inserts and updates.",
     declare_diff},
    {"export", "export [OPTIONS] OUT -o FILE [--to FORMAT]", "Write an output in another format",
     "Writes the vectors of an output of encode in another format.", declare_export},
    {"search", "search [OPTIONS] OUT [QUERY]", "Find the rows nearest to a text",
     "Finds the rows of an output that are nearest to a text, by exact cosine over every\nvector. "
     "Use it to check an index by eye. The output's own model encodes the query.",
     declare_search},
    {"tokenize", "tokenize [OPTIONS] [INPUT...]", "Print the token ids of texts",
     "Prints token ids as JSONL: id, input_ids, n_tokens, truncated. Needs only a\n"
     "model's tokenizer files.",
     declare_tokenize},
    {"report", "report [OPTIONS] OUT...", "Show where a run's time went, or compare runs",
     "Shows the report of a run, given its output or the JSON file that --report wrote.\nShows "
     "several side by side. With -o, writes an HTML page that needs no network.",
     declare_report_command},
    {"tune", "tune [OPTIONS] [INPUT...]", "Measure what is fastest here, for --config",
     "Measures which precision, backend, thread count and batch size are fastest for a\nmodel on "
     "this machine, with a sample of a corpus. Prints a table and, with -o,\nwrites settings for "
     "--config.",
     declare_tune},
    {"pull", "pull [OPTIONS] ORG/NAME[@REV]", "Fetch a model from a hub into the cache",
     "Fetches what embedtool reads of a model from a hub and checks every byte. The cache is\nthat "
     "of Python's huggingface_hub; -m ORG/NAME of other commands reads it. Prints the\nmodel's "
     "folder.",
     declare_pull},
    {"completion", "completion [OPTIONS] bash|zsh|fish", "Print a script that completes commands",
     "Prints a script that makes a shell complete commands, options and their values. In\n"
     "bash: source <(embedtool completion bash)",
     declare_completion},
};

std::string general_help() {
  std::string out =
      "Usage: embedtool COMMAND [OPTIONS]\n\n"
      "Turns a corpus into embedding shards on CPUs.\n\nCommands:\n";
  for (const Command& command : kCommands) {
    out += fmt::format("  {:<12}{}\n", command.name, command.summary);
  }
  out +=
      "  help        Show the help of a command\n\n"
      "  -h, --help     Show this help\n"
      "  -V, --version  Show version, build, backends and instruction set\n\n"
      "Example:\n"
      "  embedtool encode corpus.jsonl -o out      # texts in, Parquet shards out\n"
      "  embedtool search out \"who was it again?\"   # the ten nearest rows\n\n"
      "embedtool COMMAND --help lists a command's options; man embedtool has everything.\n";
  return out;
}

const Command* find_command(std::string_view name) {
  for (const Command& command : kCommands) {
    if (name == command.name) return &command;
  }
  return nullptr;
}

/// Prints to standard output, which `--help` and `--version` are data for.
ExitCode print(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return ExitCode::ok;
  if (stdout_reader_is_gone()) exit_by_broken_pipe();
  throw Error(ExitCode::failed, "standard output: cannot write; is the disk full?");
}

/// The message for an unknown flag or a superfluous argument.
std::string describe_extras(const CLI::App& app) {
  const std::vector<std::string> extras = app.remaining();
  const std::string first = extras.empty() ? "?" : extras.front();
  if (first.empty() || first[0] != '-') return fmt::format("unexpected argument '{}'", first);
  const std::string name = first.substr(0, first.find('='));
  return fmt::format("unknown option {}{}", name, did_you_mean(name, long_options(app)));
}

/// The first required argument that was not given, as the usage line calls it. (Arguments are in no
/// group, and then CLI11 does not name them.)
std::string missing_argument(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    const bool missing = option->get_required() && option->count() == 0;
    if (missing && option->get_positional()) return option->get_single_name();
  }
  return {};
}

/// What is wrong with a command line, in our words where CLI11's are hard to understand.
std::string describe_misuse(const CLI::ParseError& error, const CLI::App& app) {
  const std::string message = error.what();
  const auto before = [&message](std::string_view words) {
    return message.substr(0, message.find(words));
  };
  // "--dims: 1 required … missing"
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    return before(":") + " needs a value";
  }
  // A misspelt option also makes a required one seem missing: name it first.
  if (!app.remaining().empty()) return describe_extras(app);
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    const std::string argument = missing_argument(app);
    return (argument.empty() ? before(" is required") : argument) + " is missing";
  }
  constexpr std::string_view kExcludes = " excludes ";
  if (const std::size_t at = message.find(kExcludes); at != message.npos) {
    return fmt::format("{} and {} cannot be used together", message.substr(0, at),
                       message.substr(at + kExcludes.size()));
  }
  return message;
}

/// The settings file that is read where none is named, if it is there.
std::string own_settings() {
  const char* config = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  std::string folder = config == nullptr ? "" : config;
  if (folder.empty() && home != nullptr && *home != '\0') folder = std::string(home) + "/.config";
  if (folder.empty()) return {};
  const std::string file = folder + "/embedtool/config.toml";
  return ::access(file.c_str(), F_OK) == 0 ? file : std::string();
}

/// Parses; true when the command is to run. Help is printed here.
bool parse(const Command& command, BuiltApp& built, std::span<char*> arguments) {
  // CLI11 takes the arguments last first.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  // CLI11 reads the settings file before the environment that may name it.
  const char* variable = std::getenv("EMBEDTOOL_CONFIG");
  const bool named = variable != nullptr && *variable != '\0';
  const std::string settings = named ? variable : own_settings();
  const bool has_own = std::any_of(arguments.begin(), arguments.end(), [](const char* argument) {
    return std::string_view(argument).starts_with("--config");
  });
  if (!settings.empty() && !has_own) {
    reversed.push_back(settings);
    reversed.emplace_back("--config");
  }
  try {
    built.app->parse(reversed);
  } catch (const CLI::CallForHelp&) {
    print(built.app->help());
    return false;
  } catch (const CLI::ParseError& e) {
    const bool is_extra = !built.app->remaining().empty();
    throw Error(ExitCode::usage, "{} ({}embedtool {} --help{})", describe_misuse(e, *built.app),
                is_extra ? "" : "see ", command.name, is_extra ? " lists the options" : "");
  }
  return true;
}

/// Whether messages are to be JSON, before anything is parsed: what is wrong with a command line
/// goes to the log as well.
ConsoleOptions early_console_options(std::span<char*> arguments) {
  ConsoleOptions options;
  const char* variable = std::getenv("EMBEDTOOL_LOG_FORMAT");
  std::string_view word = variable == nullptr ? "" : variable;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    constexpr std::string_view kOption = "--log-format";
    if (argument == kOption && i + 1 < arguments.size()) word = arguments[i + 1];
    if (argument.starts_with(kOption) && argument.substr(kOption.size()).starts_with('=')) {
      word = argument.substr(kOption.size() + 1);
    }
  }
  options.format = find_named<LogFormat>(word).value_or(LogFormat::text);
  return options;
}

/// When the program began, taken before anything else is done.
struct Beginning {
  std::uint64_t start_ns = monotonic_ns();
  StageClock clock{Stage::other, start_ns};
  std::uint64_t startup_cpu_ns = process_cpu_ns();
};

ExitCode run_command(const Command& command, std::span<char*> arguments,
                     const Beginning& beginning) {
  BuiltApp built = build_app(command);
  if (!parse(command, built, arguments)) return ExitCode::ok;
  Console console(console_options(*built.common));
  try {
    if (const CLI::Option* settings = built.app->get_config_ptr(); settings->count() > 0) {
      console.detail("settings: " + settings->as<std::string>());
    }
    check_environment(environment_of_process(), console);
    Session session{console, beginning.clock, beginning.start_ns, beginning.startup_cpu_ns};
    return built.run(session);
  } catch (const Error& e) {
    if (stdout_reader_is_gone()) exit_by_broken_pipe();
    console.error(e.what());
    return e.code();
  }
}

Error unknown_word(std::string_view word) {
  std::vector<std::string> candidates{"help", "--help", "--version"};
  for (const Command& command : kCommands) candidates.emplace_back(command.name);
  return Error(ExitCode::usage, "unknown {} {}{} (embedtool --help lists the commands)",
               word.starts_with('-') ? "option" : "command", word, did_you_mean(word, candidates));
}

/// Puts a command that stands behind options of its own in front of them: `embedtool -q encode`.
void put_command_first(std::span<char*> arguments) {
  if (arguments.empty() || *arguments[0] != '-') return;
  const auto is_command = [](const char* word) { return find_command(word) != nullptr; };
  const auto command = std::find_if(arguments.begin(), arguments.end(), is_command);
  if (command != arguments.end()) std::rotate(arguments.begin(), command, command + 1);
}

ExitCode dispatch(std::span<char*> arguments, Console& console, const Beginning& beginning) {
  if (arguments.empty()) {
    console.error("no command given");
    console.block("\n" + general_help());
    return ExitCode::usage;
  }
  put_command_first(arguments);
  const std::string_view first = arguments[0];
  if (first == "-h" || first == "--help") return print(general_help());
  if (first == "-V" || first == "--version") return print(version_text());
  if (first == "help") {
    if (arguments.size() == 1) return print(general_help());
    if (const Command* command = find_command(arguments[1])) {
      return print(build_app(*command).app->help());
    }
    throw unknown_word(arguments[1]);
  }
  if (const Command* command = find_command(first)) {
    return run_command(*command, arguments.subspan(1), beginning);
  }
  throw unknown_word(first);
}

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

int run_command_line(std::span<char*> arguments) {
  const Beginning beginning;
  install_signal_handlers();
  Console console(early_console_options(arguments));
  ExitCode code = ExitCode::failed;
  try {
    code = dispatch(arguments, console, beginning);
  } catch (const Error& e) {
    console.error(e.what());
    code = e.code();
  } catch (const std::bad_alloc&) {
    console.error("out of memory; use --memory-limit to make batches and windows fit");
  } catch (const std::system_error& e) {
    // What a new thread throws that finds no room for its stack, or one thread too many.
    console.error(fmt::format(
        "{}: the system has no more threads or memory; lower --threads or --memory-limit",
        e.what()));
  } catch (const std::exception& e) {
    console.error(fmt::format("internal: {}; please report this with the command line", e.what()));
  }
  if (stop_signal() != 0) return 128 + stop_signal();
  return static_cast<int>(code);
}

}  // namespace embedtool
