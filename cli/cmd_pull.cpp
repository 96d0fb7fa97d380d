// embedtool pull: fetches a model from a hub into the cache.
#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/flags.hpp"
#include "cli/render.hpp"
#include "cli/signals.hpp"
#include "cli/stdout_writer.hpp"
#include "core/base/human.hpp"
#include "formats/hub/pull.hpp"

namespace embedtool {
namespace {

constexpr double kUsualStall = 30;

struct PullFlags {
  std::string model;
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  std::string folder;
  std::string timeout;
  bool verify = false;
  bool dry_run = false;
};

PullOptions resolve(const PullFlags& flags) {
  PullOptions options;
  options.name = parse_hub_name(flags.model);
  options.settings = hub_settings();
  options.wishes = {flags.include, flags.exclude};
  options.folder = flags.folder;
  options.verify = flags.verify;
  options.dry_run = flags.dry_run;
  if (!flags.timeout.empty()) options.longest_wait = parse_duration("--timeout", flags.timeout);
  return options;
}

/// Seconds without a byte after which a connection counts as dead: huggingface_hub's variable.
double stall_seconds() {
  const char* value = std::getenv("HF_HUB_DOWNLOAD_TIMEOUT");
  return value == nullptr || *value == '\0' ? kUsualStall
                                            : parse_duration("HF_HUB_DOWNLOAD_TIMEOUT", value);
}

/// The progress line: how much is here, how fast it comes, and how long the rest takes.
class PullProgress {
 public:
  explicit PullProgress(Console& console) : console_(console) {}

  void show(const std::string& file, std::uint64_t done, std::uint64_t all) {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::milliseconds kPause{200};
    if (!console_.shows_progress()) return;
    const auto now = Clock::now();
    if (first_ == Clock::time_point()) {
      first_ = now;
      first_bytes_ = done;
    }
    if (now - last_ < kPause && done < all) return;
    last_ = now;
    const double seconds = std::chrono::duration<double>(now - first_).count();
    std::string line = fmt::format("{}: {} of {}", file, human_bytes(done), human_bytes(all));
    const double rate =
        seconds > 0 ? static_cast<double>(done - std::min(done, first_bytes_)) / seconds : 0;
    if (rate > 0) {
      line += fmt::format(", {}/s, {} left", human_bytes(static_cast<std::uint64_t>(rate)),
                          human_seconds(static_cast<double>(all - done) / rate));
    }
    console_.progress(line, {{"bytes", done}, {"bytes_total", all}, {"bytes_per_second", rate}});
  }

 private:
  Console& console_;
  std::chrono::steady_clock::time_point first_;
  std::chrono::steady_clock::time_point last_;
  std::uint64_t first_bytes_ = 0;
};

void say_what_is_left(const PullResult& result, Console& console) {
  std::string left;
  for (const LeftFiles& group : result.choice.left) {
    left +=
        fmt::format("{}{} ({})", left.empty() ? "" : ", ", group.what, human_bytes(group.bytes));
  }
  if (!left.empty()) console.note("left on the hub, since it is not read: " + left);
}

/// What would be fetched, on standard output.
void show_plan(const PullResult& result) {
  Table table({Table::Align::right, Table::Align::left});
  for (const HubFile& file : result.choice.taken) {
    table.row({human_bytes(file.bytes), file.path});
  }
  print_to_stdout(table.text());
}

ExitCode pull(const PullFlags& flags, Session& session) {
  Console& console = session.console;
  PullOptions options = resolve(flags);
  const CurlOptions curl{stall_seconds(), &stop_requested()};
  PullProgress progress(console);
  PullHooks hooks;
  hooks.note = [&console](const std::string& text) { console.note(text); };
  hooks.detail = [&console](const std::string& text) { console.detail(text); };
  hooks.progress = [&progress](const std::string& file, std::uint64_t done, std::uint64_t all) {
    progress.show(file, done, all);
  };
  hooks.stop = &stop_requested();
  if (!options.settings.offline) options.token = hub_token(options.settings);
  const PullResult result = pull_model(
      options, [&curl] { return make_curl_client(curl); }, hooks);
  console.end_progress();
  const std::string name = fmt::format("{} at {}", options.name.repo, result.commit);
  if (result.was_whole) {
    console.note(fmt::format("{}: is here already{}", name, flags.verify ? ", and right" : ""));
  } else if (options.dry_run) {
    show_plan(result);
    say_what_is_left(result, console);
    console.note(fmt::format("{}: {} in {}; {} to fetch", name, human_bytes(result.bytes),
                             human_count(result.choice.taken.size(), "file"),
                             human_bytes(result.to_fetch)));
    return ExitCode::ok;
  } else {
    say_what_is_left(result, console);
    console.note(
        fmt::format("{}: {} in {}; {} fetched", name, human_bytes(result.bytes),
                    human_count(result.choice.taken.size(), "file"), human_bytes(result.fetched)),
        {{"commit", result.commit}, {"bytes", result.bytes}, {"fetched", result.fetched}});
  }
  print_to_stdout(result.folder + "\n");
  return ExitCode::ok;
}

}  // namespace

RunCommand declare_pull(CLI::App& app) {
  const auto flags = std::make_shared<PullFlags>();
  declare_argument(app, "MODEL", flags->model).required();
  FlagGroup group(app, "Files");
  group.list("--include", flags->include, "GLOB", "Fetch these files as well; repeatable");
  group.list("--exclude", flags->exclude, "GLOB", "Do not fetch these files; repeatable");
  group.path("--dir", flags->folder, "DIR", "Plain files in DIR instead of the hub's cache");
  group.flag("--verify", flags->verify, "Read and check the files that are here already, too");
  group.flag("--dry-run", flags->dry_run, "Only list what would be fetched");
  group.value("--timeout", flags->timeout, "TIME",
              "Give up where the hub asks to wait longer than this [5m]");
  return [flags](Session& session) { return pull(*flags, session); };
}

}  // namespace embedtool
