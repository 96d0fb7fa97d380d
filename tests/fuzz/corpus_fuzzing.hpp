#pragma once

// What the fuzz targets of corpora share: bytes as a file without a disk, and what must hold of
// everything that is read.

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "formats/io/bytes_utf8.hpp"
#include "tests/support/corpus_testing.hpp"

namespace embedtool::fuzzing {

inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

/// A file in memory.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    require(fd_ >= 0, "memfd_create");
    require(::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
            "write");
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return fmt::format("/proc/self/fd/{}", fd_); }

 private:
  int fd_;
};

/// Whether two messages are the same failure. Of compressed data that are damaged, a smaller buffer
/// may give more before the damage shows, and among it what fails for another reason.
inline bool same_failure(const std::string& a, const std::string& b) {
  const auto damaged = [](const std::string& message) {
    return message.find(": corrupt ") != std::string::npos;
  };
  return a == b || (!a.empty() && !b.empty() && (damaged(a) || damaged(b)));
}

/// Reads the corpus twice, with a large and a tiny buffer: rows and rejects are the same, and every
/// string is UTF-8. An Error (of a header, say) must come both times, too.
inline testing::Corpus read_both_ways(CorpusOptions options, std::size_t tiny) {
  std::vector<testing::Corpus> found(2);
  std::vector<std::string> errors(2);
  for (std::size_t i = 0; i < 2; ++i) {
    options.buffer_bytes = i == 0 ? 4096 : 1 + tiny;
    try {
      found[i] = testing::read_corpus(options, {i == 0 ? 1000U : 2U, 1 << 20});
    } catch (const Error& error) {
      errors[i] = error.what();
    }
  }
  require(same_failure(errors[0], errors[1]), "errors depend on the buffer");
  require(found[0].rows == found[1].rows, "rows depend on the buffer");
  require(found[0].rejects.size() == found[1].rejects.size(), "rejects depend on the buffer");
  for (std::size_t i = 0; i < found[0].rejects.size(); ++i) {
    const testing::RejectRow& a = found[0].rejects[i];
    const testing::RejectRow& b = found[1].rejects[i];
    require(a.line == b.line && a.reason == b.reason && a.bytes == b.bytes, "rejects differ");
    require(is_utf8(a.reason) && !a.reason.empty(), "a reason is no text");
  }
  for (const testing::Row& row : found[0].rows) {
    require(is_utf8(row.text) && is_utf8(row.id), "a text or id is not UTF-8");
    for (const auto& kept : row.kept) require(!kept || is_utf8(*kept), "kept is not UTF-8");
  }
  return std::move(found[0]);
}

}  // namespace embedtool::fuzzing
