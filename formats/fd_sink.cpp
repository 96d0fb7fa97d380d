#include "formats/fd_sink.hpp"

#include <cerrno>
#include <cstring>

#include "formats/durable_file.hpp"

namespace embedtool {

void FdSink::write(std::span<const std::byte> bytes) {
  const int error = write_fully(system_file_ops(), fd_, bytes);
  if (error == 0) return;
  if (error == EPIPE) throw ClosedPipe(ExitCode::failed, "{}: the reader has gone", name_);
  throw Error(ExitCode::failed, "{}: cannot write: {}", name_, std::strerror(error));
}

}  // namespace embedtool
