#include "cli/stdout_writer.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kBuffer = std::size_t{64} << 10U;

}  // namespace

void StdoutWriter::write(std::string_view bytes) {
  buffer_ += bytes;
  if (buffer_.size() >= kBuffer) flush();
}

void StdoutWriter::flush() {
  std::string_view left = buffer_;
  while (!left.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      throw Error(ExitCode::failed, "standard output: cannot write: {}", std::strerror(errno));
    }
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  buffer_.clear();
}

void print_to_stdout(std::string_view text) {
  StdoutWriter out;
  out.write(text);
  out.flush();
}

}  // namespace embedtool
