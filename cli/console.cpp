#include "cli/console.hpp"

#include <fmt/chrono.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

bool is_capable_terminal() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && (term == nullptr || std::strcmp(term, "dumb") != 0);
}

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

/// Cuts at a character's boundary; the lines cut here are ASCII but for file names.
std::string_view cut_utf8(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && unicode::is_continuation(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

/// One message as one line; bytes that are not UTF-8 become U+FFFD.
std::string json_line(std::string_view level, std::string_view message, const LogFields& fields) {
  using std::chrono::duration_cast, std::chrono::milliseconds;
  const auto since_epoch =
      duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  nlohmann::ordered_json line;
  line["time"] =
      fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                  fmt::gmtime(static_cast<std::time_t>(since_epoch / 1000)), since_epoch % 1000);
  line["level"] = level;
  line["message"] = message;
  for (const auto& [name, value] : fields) {
    nlohmann::ordered_json& field = line["fields"][std::string(name)];
    std::visit([&field](const auto& v) { field = v; }, value);
  }
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

Console::Console(const ConsoleOptions& options)
    : options_(options), terminal_(is_capable_terminal()) {
  const char* no_color = std::getenv("NO_COLOR");
  const bool may_color = terminal_ && (no_color == nullptr || *no_color == '\0');
  colours_ = options_.color == When::always || (options_.color == When::automatic && may_color);
  shows_progress_ =
      options_.progress == When::always || (options_.progress == When::automatic && terminal_ &&
                                            !quiet() && options_.format == LogFormat::text);
}

Console::~Console() {
  end_progress();
}

void Console::put(std::string_view text) {
  // Standard error may be a full disk or closed; there is nobody left to tell.
  while (!text.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void Console::say(std::string_view level, std::string_view message, const LogFields& fields) {
  std::string text;
  if (options_.format == LogFormat::json) {
    text = json_line(level, message, fields);
  } else if (level == "error" || level == "warning") {
    const char* colour = !colours_ ? "" : level == "error" ? "\033[1;31m" : "\033[1;33m";
    text =
        fmt::format("embedtool: {}{}:{} {}\n", colour, level, colours_ ? "\033[0m" : "", message);
  } else {
    text = fmt::format("{}\n", message);
  }
  const MutexLock lock(mutex_);
  if (line_open_) put("\r\033[K");
  line_open_ = false;
  put(text);
}

void Console::warning(std::string_view message, const LogFields& fields) {
  if (!quiet()) say("warning", message, fields);
}

void Console::note(std::string_view message, const LogFields& fields) {
  if (!quiet()) say("info", message, fields);
}

void Console::detail(std::string_view message) {
  if (options_.verbosity == Verbosity::verbose) say("debug", message);
}

void Console::block(std::string_view text) {
  if (quiet() || options_.format == LogFormat::json) return;
  end_progress();
  const MutexLock lock(mutex_);
  put(text);
}

void Console::progress(std::string_view line, const LogFields& fields) {
  if (options_.format == LogFormat::json) {
    say("progress", line, fields);
    return;
  }
  const MutexLock lock(mutex_);
  if (terminal_) {
    put(fmt::format("\r\033[K{}", cut_utf8(line, terminal_width() - 1)));
    line_open_ = true;
  } else {
    put(fmt::format("{}\n", line));
  }
}

void Console::end_progress() {
  const MutexLock lock(mutex_);
  if (line_open_) put("\r\033[K");
  line_open_ = false;
}

}  // namespace embedtool
