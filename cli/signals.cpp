#include "cli/signals.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "core/base/profile.hpp"

namespace embedtool {
namespace {

// A handler can only reach what has static storage; all are lock-free.
std::atomic<bool> stop_flag{false};
std::atomic<int> stop_number{0};
std::atomic<std::uint64_t> stop_ns{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free &&
              std::atomic<std::uint64_t>::is_always_lock_free);

/// timeout(1) signals its child, then its whole group: signals this close are one request.
constexpr std::uint64_t kSameRequestNs = 500'000'000;

// monotonic_ns() is clock_gettime(2), which a handler may call.
void on_stop_signal(int number) {
  const std::uint64_t now = monotonic_ns();
  std::uint64_t first = 0;
  if (stop_ns.compare_exchange_strong(first, now)) {
    stop_number.store(number);
    stop_flag.store(true);
  } else if (now - first > kSameRequestNs) {
    // Blocked while its handler runs, the signal then meets the default action.
    ::signal(number, SIG_DFL);
    ::raise(number);
  }
}

}  // namespace

void install_signal_handlers() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = 0;  // no SA_RESTART: calls that block return EINTR
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigemptyset(&ignore.sa_mask);
  ::sigaction(SIGPIPE, &ignore, nullptr);
}

const std::atomic<bool>& stop_requested() {
  return stop_flag;
}

int stop_signal() {
  return stop_number.load();
}

bool stdout_reader_is_gone() {
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

void exit_by_broken_pipe() {
  ::signal(SIGPIPE, SIG_DFL);
  ::raise(SIGPIPE);
  std::_Exit(141);  // only where the signal is blocked
}

}  // namespace embedtool
