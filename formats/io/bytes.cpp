#include "formats/io/bytes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "formats/io/bytes_utf8.hpp"
#include "formats/io/line_ends.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kPackedBuffer = std::size_t{256} << 10;
/// Bytes that are looked through at once for a line end.
constexpr std::size_t kLineBuffer = std::size_t{16} << 10;
constexpr std::size_t kRecogniseBuffer = std::size_t{16} << 10;
/// How long a wait for a pipe lasts before the stop flag is looked at again.
constexpr int kStopPollMs = 100;

constexpr std::array<const Compression*, 5> kCompressions{&kGzip, &kZstd, &kBzip2, &kXz, &kLz4};

bool is_stdin(const std::string& path) {
  return path == "-";
}

[[noreturn]] void fail_open(const std::string& name, int error) {
  throw Error(ExitCode::failed, "{}: cannot open: {}", name, std::strerror(error));
}

/// Bytes from the current position to the end: stdin may be a file that was read in part.
std::uint64_t bytes_left(int fd, const struct stat& info) {
  const off_t at = fd >= 0 ? ::lseek(fd, 0, SEEK_CUR) : 0;
  return at >= 0 && at < info.st_size ? static_cast<std::uint64_t>(info.st_size - at) : 0;
}

}  // namespace

Compression::Match match_magic(std::string_view head, std::string_view magic) {
  const std::string_view seen = head.substr(0, magic.size());
  if (seen != magic.substr(0, seen.size())) return Compression::Match::no;
  return seen.size() == magic.size() ? Compression::Match::yes : Compression::Match::too_short;
}

InputFacts inspect_input(const std::string& path) {
  InputFacts facts;
  facts.name = is_stdin(path) ? "<stdin>" : readable_name(path);
  struct stat info {};
  const int code = is_stdin(path) ? ::fstat(STDIN_FILENO, &info) : ::stat(path.c_str(), &info);
  if (code != 0) fail_open(facts.name, errno);
  if (S_ISDIR(info.st_mode)) {
    throw Error(ExitCode::failed, "{}: is a folder; name the files in it", facts.name);
  }
  // Pipes and devices have no size, and may not be opened in passing.
  if (S_ISREG(info.st_mode)) {
    facts.regular = true;
    facts.size = bytes_left(is_stdin(path) ? STDIN_FILENO : -1, info);
    facts.modified_ns = std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
  }
  if (!is_stdin(path) && ::access(path.c_str(), R_OK) != 0) fail_open(facts.name, errno);
  return facts;
}

bool has_large_window(std::string_view head) {
  return std::any_of(kCompressions.begin(), kCompressions.end(), [&](const Compression* known) {
    return known->large_windows && known->match(head) == Compression::Match::yes;
  });
}

ByteStream::ByteStream(const std::string& path, ByteCounters& counters,
                       const std::atomic<bool>* stop, const UnpackOptions& unpack)
    : name_(is_stdin(path) ? "<stdin>" : readable_name(path)),
      counters_(counters),
      stop_(stop),
      unpack_(unpack) {
  if (is_stdin(path)) {
    fd_ = STDIN_FILENO;
  } else {
    // Opening a named pipe waits for its writer, and a signal may come meanwhile.
    do {
      owned_.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    } while (!owned_ && errno == EINTR);
    if (!owned_) fail_open(name_, errno);
    fd_ = owned_.get();
  }
  struct stat info {};
  if (::fstat(fd_, &info) != 0) fail_open(name_, errno);
  regular_ = S_ISREG(info.st_mode);
  stored_size_ = regular_ ? static_cast<std::size_t>(info.st_size) : SIZE_MAX;
}

/// True when read(2) will not block, or may.
bool ByteStream::wait_for_input(Wait wait) {
  // A regular file never keeps anybody waiting; poll(2) says so too, at the price of a call.
  if (regular_) return true;
  while (true) {
    const bool stopping = stop_ != nullptr && stop_->load(std::memory_order_relaxed);
    int timeout = wait == Wait::no || stopping ? 0 : -1;
    if (timeout < 0 && stop_ != nullptr) timeout = kStopPollMs;
    pollfd entry{fd_, POLLIN, 0};
    const int ready = ::poll(&entry, 1, timeout);
    if (ready > 0) return true;  // data, hang-up or an error that read(2) will name
    if (ready < 0 && errno != EINTR) {
      throw Error(ExitCode::failed, "{}: cannot wait for input: {}", name_, std::strerror(errno));
    }
    if (wait == Wait::no || stopping) return false;
  }
}

std::uint64_t ByteStream::line_from(std::uint64_t offset) const {
  if (offset == 0) return 0;
  std::vector<char> buffer(kLineBuffer);
  std::uint64_t at = offset - 1;  // a line end here makes `offset` a line's beginning
  while (true) {
    const ssize_t got = ::pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw Error(ExitCode::failed, "{}: cannot read at byte {}: {}", name_, at,
                  std::strerror(errno));
    }
    if (got == 0) return std::min<std::uint64_t>(at, stored_size_);
    const auto size = static_cast<std::size_t>(got);
    const void* found = std::memchr(buffer.data(), '\n', size);
    if (found != nullptr) {
      return at + static_cast<std::uint64_t>(static_cast<const char*>(found) - buffer.data()) + 1;
    }
    at += size;
  }
}

void ByteStream::confine(std::uint64_t begin, std::uint64_t end) {
  EMBEDTOOL_CHECK(regular_ && is_plain() && begin <= end);
  if (::lseek(fd_, static_cast<off_t>(begin), SEEK_SET) < 0) {
    throw Error(ExitCode::failed, "{}: cannot go to byte {}: {}", name_, begin,
                std::strerror(errno));
  }
  counters_.packed.fetch_sub(offset_, std::memory_order_relaxed);
  counters_.unpacked.fetch_sub(unpacked_, std::memory_order_relaxed);
  begin_ = end_ = 0;
  offset_ = unpacked_ = line_ends_ = 0;
  hasher_ = Hasher128();
  left_ = end - begin;
  confined_ = true;
}

/// read(2), made whole: interruptions retried, waits bounded by `wait` and the stop flag.
ReadResult ByteStream::read_fd(std::span<char> out, Wait wait) {
  if (left_ < out.size()) out = out.first(static_cast<std::size_t>(left_));
  if (out.empty()) return {0, true};
  while (wait_for_input(wait)) {
    const ssize_t got = ::read(fd_, out.data(), out.size());
    if (got >= 0) {
      const auto size = static_cast<std::size_t>(got);
      offset_ += size;
      left_ -= size;
      if (confined_) line_ends_ += count_line_ends({out.data(), size});
      hasher_.update(out.data(), size);
      counters_.packed.fetch_add(size, std::memory_order_relaxed);
      return {size, size == 0};
    }
    // EAGAIN: stdin shared with a process that made it non-blocking; poll again.
    if (errno != EINTR && errno != EAGAIN) {
      throw Error(ExitCode::failed, "{}: cannot read at byte {}: {}", name_, offset_,
                  std::strerror(errno));
    }
  }
  return {};
}

/// Reads into the buffer of stored bytes, behind what is pending there: a little at first, to
/// recognise the stream by.
ReadResult ByteStream::fill_packed(Wait wait) {
  if (begin_ == end_) begin_ = end_ = 0;
  const std::size_t wanted = compression_ == nullptr ? kRecogniseBuffer : kPackedBuffer;
  if (packed_.size() < wanted) packed_.resize(wanted);
  const ReadResult got = read_fd(std::span(packed_).subspan(end_), wait);
  end_ += got.size;
  return got;
}

/// Finds out the compression. False when blocked before that is clear.
bool ByteStream::recognise(Wait wait) {
  // Waits for no more bytes than it takes to tell: a producer's first short line goes through.
  while (true) {
    bool undecided = false;
    const std::string_view head(pending().data(), pending().size());
    for (const Compression* compression : kCompressions) {
      const auto match = compression->match(head);
      if (match == Compression::Match::yes) {
        compression_ = compression;
        unpacker_ = compression->open(unpack_);
        return recognised_ = true;
      }
      undecided = undecided || match == Compression::Match::too_short;
    }
    if (!undecided) return recognised_ = true;
    const ReadResult got = fill_packed(wait);
    if (got.end) return recognised_ = true;
    if (got.blocked()) return false;
  }
}

ReadResult ByteStream::read_plain(std::span<char> out, Wait wait) {
  // First what was read to recognise the stream; then straight into the caller's buffer.
  if (begin_ == end_) return read_fd(out, wait);
  const std::size_t size = std::min(out.size(), end_ - begin_);
  std::memcpy(out.data(), packed_.data() + begin_, size);
  begin_ += size;
  return {size, false};
}

ReadResult ByteStream::read_packed(std::span<char> out, Wait wait) {
  while (true) {
    if (begin_ < end_ || output_pending_) {
      // A decompressor may take bytes and give none (headers), or give without taking (what its
      // last output had no room for), but not neither while bytes are there.
      const Unpacked step = unpacker_->unpack(pending(), out);
      const bool stuck = step.consumed == 0 && step.produced == 0 && begin_ < end_;
      if (step.error != nullptr || stuck) {
        if (step.remedy != nullptr) {
          throw Error(ExitCode::failed, "{}: {} data that need more memory: {}; {}", name_,
                      compression_->name, step.error, step.remedy);
        }
        throw Error(ExitCode::failed,
                    "{}: corrupt {} data near byte {}: {}; fetch or compress the file again", name_,
                    compression_->name, offset_ - (end_ - begin_ - step.consumed),
                    step.error != nullptr ? step.error : "no progress");
      }
      begin_ += step.consumed;
      output_pending_ = step.produced == out.size();
      if (step.produced > 0) return {step.produced, false};
      if (begin_ < end_) continue;
    }
    const ReadResult got = fill_packed(wait);
    if (got.blocked()) return got;
    // An end is good only between members or frames.
    if (got.end && !unpacker_->complete()) {
      throw Error(ExitCode::failed,
                  "{}: the {} data stops at byte {}: the file is truncated; fetch it again", name_,
                  compression_->name, offset_);
    }
    if (got.end) return got;
  }
}

ReadResult ByteStream::read(std::span<char> out, Wait wait) {
  EMBEDTOOL_CHECK(!out.empty());
  if (!recognised_ && !recognise(wait)) return {};
  const ReadResult got = unpacker_ ? read_packed(out, wait) : read_plain(out, wait);
  counters_.unpacked.fetch_add(got.size, std::memory_order_relaxed);
  unpacked_ += got.size;
  return got;
}

}  // namespace embedtool
