#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace embedtool {

/// What the process exits with; documented in embedtool(1).
enum class ExitCode : int {
  ok = 0,
  failed = 1,       ///< I/O, resources, internal
  usage = 2,        ///< command line or configuration
  bad_record = 3,   ///< a bad record under --on-error fail, too many of them, or no good one
  model = 4,        ///< model folder unusable
  output_busy = 5,  ///< another run holds the output
  incomplete = 6,   ///< merge: units are missing
};

/// Ends a run. The message names the file, line or tensor, what is wrong with it, and what to do.
/// A bad input record is not an Error but a counted value (see RejectSink).
class Error : public std::runtime_error {
 public:
  explicit Error(ExitCode code, const std::string& message)
      : std::runtime_error(message), code_(code) {}

  template <typename... Args>
  Error(ExitCode code, fmt::format_string<Args...> format, Args&&... args)
      : std::runtime_error(fmt::format(format, std::forward<Args>(args)...)), code_(code) {}

  ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

}  // namespace embedtool
