#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "tests/support/temp_folder.hpp"

namespace embedtool::testing {

/// A named pipe that a thread of its own feeds. `feed` gets a function that writes; the pipe is
/// closed when it returns, and the destructor waits for that.
class FedPipe {
 public:
  using Write = std::function<void(std::string_view)>;

  explicit FedPipe(std::function<void(const Write&)> feed) {
    path_ = folder_ / "pipe";
    EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    writer_ = std::thread([path = path_, feed = std::move(feed)] {
      const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
      feed([fd](std::string_view bytes) {
        EXPECT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
      });
      ::close(fd);
    });
  }
  ~FedPipe() { writer_.join(); }
  FedPipe(const FedPipe&) = delete;
  FedPipe& operator=(const FedPipe&) = delete;

  const std::string& path() const { return path_; }

 private:
  TempFolder folder_;
  std::string path_;
  std::thread writer_;
};

}  // namespace embedtool::testing
