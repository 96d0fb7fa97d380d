#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/hash.hpp"
#include "formats/io/bytes_unpack.hpp"
#include "formats/io/unique_fd.hpp"

namespace embedtool {

/// Bytes read so far; another thread may read the counters while a stream is read.
struct ByteCounters {
  std::atomic<std::uint64_t> packed{0};    ///< as stored
  std::atomic<std::uint64_t> unpacked{0};  ///< after decompression
};

/// May a read wait for a slow producer?
enum class Wait : bool { no, yes };

struct ReadResult {
  std::size_t size = 0;  ///< bytes put into the caller's buffer
  bool end = false;      ///< the stream is exhausted
  /// No bytes arrived, though more may follow: the producer is slow, or the run is being stopped.
  bool blocked() const { return size == 0 && !end; }
};

/// What is known about an input before it is read.
struct InputFacts {
  std::string name;              ///< for messages: the path, or "<stdin>"
  bool regular = false;          ///< a file, with the size below; else a pipe or device
  std::uint64_t size = 0;        ///< bytes still to read
  std::int64_t modified_ns = 0;  ///< of regular files: last change, since 1970
};

/// Examines an input ("-" = stdin) without reading from it. Throws Error(failed) naming it if it is
/// missing, a folder, or not readable. A named pipe is not opened (its writer would notice).
InputFacts inspect_input(const std::string& path);

/// Does a file that begins with `head` have a compression that may take more than a few MiB?
bool has_large_window(std::string_view head);

/// A file, pipe or stdin as a stream of unpacked bytes. gzip, zstd, bzip2, xz and lz4 are
/// recognised by their first bytes, whatever the name; concatenated members, streams and frames
/// form one stream. Holds a bounded input buffer and the decompressor's window. Not thread-safe.
class ByteStream {
 public:
  /// Opens `path` ("-" = stdin). `counters` must outlive the stream. If `stop` is given, every wait
  /// for a pipe ends soon after it turns true. Throws Error(failed) naming the path.
  ByteStream(const std::string& path, ByteCounters& counters,
             const std::atomic<bool>* stop = nullptr, const UnpackOptions& unpack = {});

  /// Reads 1..out.size() bytes (`out` must not be empty), or reports the end; with Wait::no, or
  /// when stopped, possibly nothing. Throws Error(failed) on a read error and on corrupt or
  /// truncated compressed data, naming the file and the offset in it.
  ReadResult read(std::span<char> out, Wait wait);

  /// Call before the first read(): compressed data are then not unpacked.
  void take_as_stored() { recognised_ = true; }

  /// Whether the bytes come as they are stored; known after the first read().
  bool is_plain() const { return recognised_ && compression_ == nullptr; }
  /// "gzip"; empty if there is none. Known after the first read().
  std::string_view compression() const {
    return compression_ == nullptr ? std::string_view() : compression_->name;
  }
  bool is_regular() const { return regular_; }
  /// Where the first line begins that begins at `offset` or later: at 0, or behind a line end. The
  /// file's size if there is none. Only for regular files that are plain. Throws Error(failed).
  std::uint64_t line_from(std::uint64_t offset) const;
  /// Forgets what was read and goes on with the bytes [begin, end) of the file, alone;
  /// bytes_read(), digest() and line_ends() are of these. Only for regular files that are plain.
  void confine(std::uint64_t begin, std::uint64_t end);
  /// Line ends among the bytes read since confine().
  std::uint64_t line_ends() const { return line_ends_; }

  const std::string& name() const { return name_; }
  /// Of a file: its size when it was opened. Of anything else: without bound.
  std::size_t stored_size() const { return stored_size_; }
  /// Bytes read so far, as stored, and their hash.
  std::uint64_t bytes_read() const { return offset_; }
  Hash128 digest() const { return hasher_.digest(); }

 private:
  ReadResult read_fd(std::span<char> out, Wait wait);
  bool wait_for_input(Wait wait);
  ReadResult fill_packed(Wait wait);
  bool recognise(Wait wait);
  ReadResult read_plain(std::span<char> out, Wait wait);
  ReadResult read_packed(std::span<char> out, Wait wait);
  std::span<const char> pending() const { return {packed_.data() + begin_, end_ - begin_}; }

  std::string name_;
  UniqueFd owned_;
  int fd_ = -1;
  bool regular_ = false;
  std::size_t stored_size_ = 0;
  ByteCounters& counters_;
  const std::atomic<bool>* stop_;
  UnpackOptions unpack_;
  std::uint64_t offset_ = 0;         ///< bytes read from fd_
  std::uint64_t left_ = UINT64_MAX;  ///< bytes that may still be read from it
  std::uint64_t unpacked_ = 0;       ///< bytes handed out
  std::uint64_t line_ends_ = 0;
  bool confined_ = false;
  Hasher128 hasher_;  ///< of them
  bool recognised_ = false;
  const Compression* compression_ = nullptr;
  std::unique_ptr<Unpacker> unpacker_;
  bool output_pending_ = false;  ///< the unpacker filled its output and may hold more
  std::vector<char> packed_;     ///< made when it is first needed
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace embedtool
