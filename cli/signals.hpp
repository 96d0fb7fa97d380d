#pragma once

#include <atomic>

namespace embedtool {

/// Makes SIGINT and SIGTERM ask the run to stop instead of ending the process; a signal of
/// either kind that comes later than half a second after the first ends it at once. SIGPIPE is
/// ignored, so that a closed pipe is an error to report. Call once, before any thread starts.
void install_signal_handlers();

/// Set by the first SIGINT or SIGTERM; runs poll it.
const std::atomic<bool>& stop_requested();

/// The signal that asked to stop, or 0.
int stop_signal();

/// True when standard output is a pipe or socket whose reader has gone (`| head -1`).
bool stdout_reader_is_gone();

/// Ends the process as SIGPIPE would have: silently, with the shell's status 141.
[[noreturn]] void exit_by_broken_pipe();

}  // namespace embedtool
