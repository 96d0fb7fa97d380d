#include "formats/io/fd_sink.hpp"

#include <limits.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "formats/io/durable_file.hpp"

namespace embedtool {

namespace {

/// How long a wait for a reader lasts before the stop flag is looked at again.
constexpr int kStopPollMs = 100;

}  // namespace

void FdSink::wait_for_reader() const {
  while (true) {
    pollfd out{fd_, POLLOUT, 0};
    if (::poll(&out, 1, kStopPollMs) > 0) return;  // room, or an error that write(2) will name
    if (stop_->load()) {
      throw Error(ExitCode::failed, "{}: stopped while its reader was busy", name_);
    }
  }
}

void FdSink::write(std::span<const std::byte> bytes) {
  int error = 0;
  if (stop_ == nullptr) {
    error = write_fully(system_file_ops(), fd_, bytes);
  }
  // A pipe that has room for anything has room for so much: no write blocks.
  while (stop_ != nullptr && error == 0 && !bytes.empty()) {
    wait_for_reader();
    const auto part = bytes.first(std::min<std::size_t>(bytes.size(), PIPE_BUF));
    error = write_fully(system_file_ops(), fd_, part);
    bytes = bytes.subspan(part.size());
  }
  if (error == 0) return;
  if (error == EPIPE)
    throw ClosedPipe(ExitCode::failed, "{}: the reader has closed the pipe", name_);
  throw Error(ExitCode::failed, "{}: cannot write: {}", name_, std::strerror(error));
}

}  // namespace embedtool
