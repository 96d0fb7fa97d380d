#pragma once

// What the tests of outputs share: sample outputs, and system calls that fail on demand.

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>

#include "formats/output/run_dir.hpp"
#include "formats/output/shard_sinks.hpp"
#include "tests/support/sample_rows.hpp"
#include "tests/support/temp_folder.hpp"

namespace embedtool::testing {

/// Name → contents of every file in a directory.
Files contents_of(const std::string& directory);

/// System calls of which the k-th, and every later one, fails with `error`: a disk that is full
/// for good, or a process that died at that instant (no clean-up happens either). Syncing is left
/// out: the kernel lives on in these tests, and disks are slow.
class FaultyOps final : public FileOps {
 public:
  explicit FaultyOps(std::uint64_t good_calls, int error = EIO)
      : good_calls_(good_calls), error_(error) {}
  std::uint64_t calls() const { return calls_; }
  bool once = false;  ///< only the k-th fails
  bool short_writes = false;
  bool interrupts = false;  ///< every second call is interrupted by a signal first

  int open_at(int dir, const char* name, int flags, mode_t mode) override {
    return fails() ? -1 : FileOps::open_at(dir, name, flags, mode);
  }
  int make_dir_at(int dir, const char* name, mode_t mode) override {
    return fails() ? -1 : FileOps::make_dir_at(dir, name, mode);
  }
  int remove_dir_at(int dir, const char* name) override {
    return fails() ? -1 : FileOps::remove_dir_at(dir, name);
  }
  ssize_t write(int fd, const void* data, std::size_t size) override {
    if (interrupted() || fails()) return -1;
    return FileOps::write(fd, data, short_writes && size > 1 ? (size + 1) / 2 : size);
  }
  ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
    if (interrupted() || fails()) return -1;
    return FileOps::pwrite(fd, data, short_writes && size > 1 ? (size + 1) / 2 : size, offset);
  }
  ssize_t pread(int fd, void* data, std::size_t size, off_t offset) override {
    if (interrupted() || fails()) return -1;
    return FileOps::pread(fd, data, short_writes && size > 1 ? (size + 1) / 2 : size, offset);
  }
  int fsync(int) override { return interrupted() || fails() ? -1 : 0; }
  int rename_at(int from_dir, const char* from, int to_dir, const char* to) override {
    return fails() ? -1 : FileOps::rename_at(from_dir, from, to_dir, to);
  }
  int unlink_at(int dir, const char* name) override {
    return fails() ? -1 : FileOps::unlink_at(dir, name);
  }
  int status(int fd, struct stat* out) override { return fails() ? -1 : FileOps::status(fd, out); }
  int status_at(int dir, const char* name, struct stat* out) override {
    return fails() ? -1 : FileOps::status_at(dir, name, out);
  }
  int lock(int fd) override { return fails() ? -1 : FileOps::lock(fd); }

 private:
  bool fails() {
    const bool good = calls_ < good_calls_ || (once && calls_ > good_calls_);
    ++calls_;
    if (good) return false;
    errno = error_;
    return true;
  }
  bool interrupted() {
    toggle_ = !toggle_;
    if (!interrupts || !toggle_) return false;
    errno = EINTR;
    return true;
  }

  std::uint64_t good_calls_;
  int error_;
  std::uint64_t calls_ = 0;
  bool toggle_ = false;
};

enum class SampleSink : std::uint8_t { parquet, npy, jsonl };

/// A run's settings in these tests.
struct SampleRun {
  OutputSpec spec;
  SampleSink sink = SampleSink::parquet;
  ShardOptions shards;
  std::size_t window = 64;
  ExistingOutput existing = ExistingOutput::refuse;
};

std::unique_ptr<EmbeddingSink> open_sample_sink(RunDirectory& run, const SampleRun& how);

RunIdentity sample_identity(const SampleRun& how = {});
Manifest sample_manifest(const SampleRun& how);

/// A directory that is open for writing.
std::unique_ptr<RunDirectory> claimed(const std::string& path, ExistingOutput existing,
                                      const RunIdentity& identity,
                                      FileOps& ops = system_file_ops());

/// What `embedtool encode` does with a directory, from the first call to the last: skips the rows
/// that an earlier run has published, writes the rest in windows, finishes.
void write_sample(const std::string& path, const SampleRows& rows, const SampleRun& how,
                  FileOps& ops = system_file_ops());

}  // namespace embedtool::testing
