#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/enum_words.hpp"
#include "core/base/mutex.hpp"

namespace embedtool {

enum class LogFormat : std::uint8_t { text, json };
template <>
inline constexpr auto enum_words<LogFormat> = std::to_array<EnumWord<LogFormat>>({
    {LogFormat::text, "text"},
    {LogFormat::json, "json"},
});

/// When something for a person's eyes is shown; automatic: on a terminal.
enum class When : std::uint8_t { automatic, always, never };
template <>
inline constexpr auto enum_words<When> = std::to_array<EnumWord<When>>({
    {When::automatic, "auto"},
    {When::always, "always"},
    {When::never, "never"},
});

/// How much is said, from `-q` to `-v`. Errors are always shown.
enum class Verbosity { quiet, normal, verbose };

struct ConsoleOptions {
  Verbosity verbosity = Verbosity::normal;
  LogFormat format = LogFormat::text;
  When progress = When::automatic;
  When color = When::automatic;
};

/// Figures of a message, by name, for logs that are read by programs; texts leave them out.
using LogValue = std::variant<std::uint64_t, double, bool, std::string>;
using LogFields = std::vector<std::pair<std::string_view, LogValue>>;

/// Everything that a run says to people or log shippers: the only writer of standard error, so
/// that messages and the progress line never tear each other apart. Thread-safe.
///
/// Text: `embedtool: error: …`, `embedtool: warning: …`; notes stand as they are. JSON: one object
/// a line with `time` (UTC, milliseconds), `level`, `message` and, where there are figures,
/// `fields`.
class Console {
 public:
  explicit Console(const ConsoleOptions& options);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  void error(std::string_view message, const LogFields& fields = {}) {
    say("error", message, fields);
  }
  void warning(std::string_view message, const LogFields& fields = {});
  void note(std::string_view message, const LogFields& fields = {});
  /// Only with `-v`.
  void detail(std::string_view message);
  /// Text made for eyes, such as a table, in one piece; not in JSON logs and not with `-q`.
  void block(std::string_view text);

  /// True when a progress line is wanted; decided once.
  bool shows_progress() const { return shows_progress_; }
  /// Replaces the progress line. On something that is not a terminal (`--progress always`), each
  /// call is a line of its own; in JSON logs a message of level "progress".
  void progress(std::string_view line, const LogFields& fields = {});
  /// Removes the progress line.
  void end_progress();

  /// True when colours are wanted; automatic: standard error is a terminal that takes them, and
  /// NO_COLOR is unset.
  bool colours() const { return colours_; }
  bool quiet() const { return options_.verbosity == Verbosity::quiet; }
  LogFormat format() const { return options_.format; }

 private:
  void say(std::string_view level, std::string_view message, const LogFields& fields = {});
  void put(std::string_view text) EMBEDTOOL_REQUIRES(mutex_);

  ConsoleOptions options_;
  bool terminal_ = false;
  bool colours_ = false;
  bool shows_progress_ = false;
  Mutex mutex_;
  bool line_open_ EMBEDTOOL_GUARDED_BY(mutex_) = false;  ///< a progress line stands on the terminal
};

}  // namespace embedtool
