#pragma once

#include <atomic>
#include <span>
#include <string>

#include "core/base/error.hpp"
#include "formats/io/byte_io.hpp"

namespace embedtool {

/// The reader of a pipe has closed it: an ordinary end that needs no message.
class ClosedPipe : public Error {
 public:
  using Error::Error;
};

/// Writes to a descriptor that the caller owns (stdout). Throws ClosedPipe when a pipe's reader has
/// closed it (SIGPIPE must be ignored), Error otherwise.
class FdSink final : public ByteSink {
 public:
  /// `name` is for messages. If `stop` is given, a wait for a slow reader ends with an Error soon
  /// after it turns true.
  FdSink(int fd, std::string name, const std::atomic<bool>* stop = nullptr)
      : fd_(fd), name_(std::move(name)), stop_(stop) {}
  void write(std::span<const std::byte> bytes) override;

 private:
  void wait_for_reader() const;

  int fd_;
  std::string name_;
  const std::atomic<bool>* stop_;
};

}  // namespace embedtool
