#include "formats/rejects.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "core/base/error.hpp"
#include "formats/bytes_utf8.hpp"

namespace embedtool {
namespace {

/// Ids are written whole up to here; longer ones are no ids.
constexpr std::size_t kMaxId = 4096;

/// Appends a JSON string (RFC 8259) of valid UTF-8.
void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

/// write(2), made whole: short writes continued, interruptions retried.
void write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      throw Error(ExitCode::failed, "{}: cannot write rejects: {}", path, std::strerror(errno));
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

}  // namespace

RejectLog::RejectLog(RejectOptions options) : options_(std::move(options)) {}

const std::string& RejectLog::file_name(std::uint32_t file) const {
  static const std::string unknown = "<unknown>";
  return file < options_.file_names.size() ? options_.file_names[file] : unknown;
}

void RejectLog::write_line(const Reject& reject) {
  const auto append_escaped_field = [this](std::string_view bytes, std::size_t cap) {
    scratch_.clear();
    append_escaped(scratch_, bytes, cap);
    append_json_string(line_, scratch_);
  };
  // Names and ids are to be compared with others: as they are, wherever JSON can hold them.
  const auto append_field = [&](std::string_view bytes) {
    if (is_utf8(bytes)) {
      append_json_string(line_, bytes);
    } else {
      append_escaped_field(bytes, bytes.size());
    }
  };
  // One write(2) a line: a reader that follows the file sees whole lines, as does one after a kill.
  line_ = "{\"file\":";
  append_field(file_name(reject.file));
  fmt::format_to(std::back_inserter(line_), ",\"line\":{},\"id\":", reject.line);
  if (reject.id.empty()) {
    line_ += "null";
  } else {
    append_field(reject.id.substr(0, kMaxId));
  }
  line_ += ",\"reason\":";
  append_field(reject.reason);
  line_ += ",\"bytes\":";
  append_escaped_field(reject.bytes, options_.max_bytes);
  line_ += "}\n";
  if (!fd_) {
    // O_NOFOLLOW: a link planted at this name must not lead the writing elsewhere.
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    fd_.reset(::open(options_.path.c_str(), kFlags, 0666));
    if (!fd_) {
      throw Error(ExitCode::failed, "{}: cannot create the file of rejects: {}", options_.path,
                  std::strerror(errno));
    }
  }
  write_all(fd_.get(), line_, options_.path);
}

void RejectLog::add(const Reject& reject) {
  const std::lock_guard lock(mutex_);
  ++count_;
  // Under this policy the message tells all: no file is left behind.
  if (options_.on_error == OnError::fail) {
    throw Error(ExitCode::bad_record,
                "{}:{}: {}; mend the record, or skip bad ones with "
                "--on-error skip",
                file_name(reject.file), reject.line, reject.reason);
  }
  if (examples_.size() < options_.remember) {
    examples_.push_back(
        fmt::format("{}:{}: {}", file_name(reject.file), reject.line, reject.reason));
  }
  if (!options_.path.empty()) write_line(reject);
}

std::uint64_t RejectLog::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

std::vector<std::string> RejectLog::examples() const {
  const std::lock_guard lock(mutex_);
  return examples_;
}

void RejectLog::sync() {
  const std::lock_guard lock(mutex_);
  if (fd_ && ::fsync(fd_.get()) != 0) {
    throw Error(ExitCode::failed, "{}: cannot make rejects durable: {}", options_.path,
                std::strerror(errno));
  }
}

}  // namespace embedtool
