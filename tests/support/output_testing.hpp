#pragma once

// What the tests of outputs share: a scratch directory, file contents, sample outputs, and system
// calls that fail on demand.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "formats/output/run_dir.hpp"
#include "formats/output/shard_sinks.hpp"
#include "tests/support/sample_rows.hpp"

namespace embedtool::testing {

/// A directory of its own for each test, removed at the end.
class ScratchDir {
 public:
  ScratchDir() {
    std::string name = (std::filesystem::temp_directory_path() / "embedtool-out-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~ScratchDir() { std::filesystem::remove_all(path_); }
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void spill(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Name → contents of every file in a directory.
inline std::map<std::string, std::string> contents_of(const std::string& directory) {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    out[entry.path().filename().string()] = slurp(entry.path().string());
  }
  return out;
}

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
  int make_dir(const char* path, mode_t mode) override {
    return fails() ? -1 : FileOps::make_dir(path, mode);
  }
  int remove_dir(const char* path) override { return fails() ? -1 : FileOps::remove_dir(path); }
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
  int rename_at(int dir, const char* from, const char* to) override {
    return fails() ? -1 : FileOps::rename_at(dir, from, to);
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

inline std::unique_ptr<EmbeddingSink> open_sample_sink(RunDirectory& run, const SampleRun& how) {
  if (how.sink == SampleSink::npy) return open_npy_sink(run, how.spec);
  if (how.sink == SampleSink::jsonl) return open_jsonl_sink(run, how.spec);
  return open_parquet_sink(run, how.spec, how.shards);
}

inline RunIdentity sample_identity(const SampleRun& how = {}) {
  RunIdentity identity;
  identity.program = "test";
  identity.model_fingerprint = "sample";
  identity.pooling = {Pooling::mean};
  identity.inputs = {{"corpus.jsonl", 123, -5, "00112233445566778899aabbccddeeff"},
                     {"-", {}, {}, ""}};
  identity.to = how.sink == SampleSink::parquet ? OutputFormat::parquet
                : how.sink == SampleSink::npy   ? OutputFormat::npy
                                                : OutputFormat::jsonl;
  identity.kind = how.spec.kind;
  identity.dims = how.spec.dims;
  identity.dtype = how.spec.type;
  identity.int8_scale = how.spec.int8_scale;
  identity.keep = how.spec.kept_fields;
  return identity;
}

inline Manifest sample_manifest(const SampleRun& how) {
  Manifest manifest;
  manifest.identity = sample_identity(how);
  return manifest;
}

/// A directory that is open for writing.
inline std::unique_ptr<RunDirectory> claimed(const std::string& path, ExistingOutput existing,
                                             const RunIdentity& identity,
                                             FileOps& ops = system_file_ops()) {
  auto run = std::make_unique<RunDirectory>(path, existing, ops);
  run->claim(identity);
  return run;
}

/// What `embedtool encode` does with a directory, from the first call to the last: skips the rows
/// that an earlier run has published, writes the rest in windows, finishes.
inline void write_sample(const std::string& path, const SampleRows& rows, const SampleRun& how,
                         FileOps& ops = system_file_ops()) {
  RunDirectory run(path, how.existing, ops);
  run.claim(sample_identity(how));
  run.begin();
  {
    const auto sink = open_sample_sink(run, how);
    for (std::size_t at = run.completed_rows(); at < rows.rows.size(); at += how.window) {
      const std::size_t end = std::min(at + how.window, rows.rows.size());
      sink->write(part_of(rows, how.spec, at, end));
    }
    sink->finish();
  }
  run.publish_file("report.json", "{\"total_ms\":1}\n");
  run.finish(sample_manifest(how));
}

}  // namespace embedtool::testing
