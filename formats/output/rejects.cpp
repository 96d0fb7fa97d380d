#include "formats/output/rejects.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <span>
#include <utility>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "formats/io/bytes_utf8.hpp"
#include "formats/io/durable_file.hpp"
#include "formats/io/json_text.hpp"

namespace embedtool {
namespace {

/// Ids are written whole up to here; longer ones are no ids.
constexpr std::size_t kMaxId = 4096;

/// A budget in percent says nothing before so many records.
constexpr std::uint64_t kJudgedFrom = 1000;

/// Kinds of reasons that are told apart; what comes later is not counted by its reason.
constexpr std::size_t kMaxReasons = 64;

/// A reason without what differs between records: figures, and what follows a semicolon.
std::string kind_of(std::string_view reason) {
  std::string kind;
  for (const char c : reason.substr(0, reason.find(';'))) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) {
      kind += c;
    } else if (kind.empty() || kind.back() != '#') {
      kind += '#';
    }
  }
  return kind;
}

/// Did a policy leave the record out? Then its reason ends with that option's name.
bool is_asked_for(std::string_view reason) {
  return reason.ends_with(" (--duplicate-ids)") || reason.ends_with(" (--on-long)");
}

/// The reason in a line of the file, as it is escaped there.
std::string_view reason_in(std::string_view line) {
  constexpr std::string_view kNext = "\",\"bytes\":";
  return line.substr(0, std::min(line.size(), line.rfind(kNext)));
}

std::string describe(const RejectBudget& budget) {
  return budget.count < UINT64_MAX ? std::to_string(budget.count)
                                   : fmt::format("{}%", budget.percent);
}

}  // namespace

RejectLog::RejectLog(RejectOptions options) : options_(std::move(options)), path_(options_.path) {}

RejectLog::~RejectLog() {
  try {
    settle_locked(UINT64_MAX);
  } catch (const std::exception&) {  // the run has failed already, and said why
  }
}

void RejectLog::fail(const char* doing, int error) const {
  throw Error(ExitCode::failed, "{}: cannot {} the rejects file: {}", path_, doing,
              std::strerror(error));
}

std::string RejectLog::file_name(std::uint32_t file) const {
  return options_.file_name ? options_.file_name(file) : "<unknown>";
}

std::string RejectLog::line_of(const Reject& reject) {
  std::string line;
  const auto append_cut = [&](std::string_view bytes, std::size_t cap) EMBEDTOOL_REQUIRES(mutex_) {
    scratch_.clear();
    append_escaped(scratch_, bytes, cap);
    append_json_string(line, scratch_);
  };
  // Names and ids are to be compared with others: as they are, wherever JSON can hold them.
  const auto append_field = [&](std::string_view bytes) EMBEDTOOL_REQUIRES(mutex_) {
    if (is_utf8(bytes)) {
      append_json_string(line, bytes);
    } else {
      append_cut(bytes, bytes.size());
    }
  };
  line = "{\"file\":";
  append_field(file_name(reject.file));
  fmt::format_to(std::back_inserter(line), ",\"line\":{},\"id\":", reject.line);
  if (reject.id.empty()) {
    line += "null";
  } else {
    append_field(reject.id.substr(0, kMaxId));
  }
  line += ",\"reason\":";
  append_field(reject.reason);
  line += ",\"bytes\":";
  append_cut(reject.bytes, options_.max_bytes);
  line += "}\n";
  return line;
}

// O_NOFOLLOW and the count of links: what was planted at this name must not lead the writing
// elsewhere.
void RejectLog::open_file() {
  constexpr int kFlags = O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW;
  FileOps& ops = *options_.ops;
  do {
    fd_.reset(ops.open_at(AT_FDCWD, path_.c_str(), kFlags, 0666));
  } while (!fd_ && errno == EINTR);
  if (!fd_) fail("create", errno);
  struct stat info {};
  if (ops.status(fd_.get(), &info) != 0) fail("examine", errno);
  if (!S_ISREG(info.st_mode)) return;  // a terminal, a pipe
  if (info.st_nlink != 1) {
    fd_.reset();
    throw Error(ExitCode::failed, "{}: has a second name (a hard link); remove it", path_);
  }
  if (static_cast<std::uint64_t>(info.st_size) < bytes_) {
    fd_.reset();
    throw Error(ExitCode::failed,
                "{}: the rejects of the unfinished run are missing; add --overwrite to start over",
                path_);
  }
  if (ops.truncate(fd_.get(), static_cast<off_t>(bytes_)) != 0) fail("cut", errno);
}

void RejectLog::resume(const RejectMark& mark) {
  const MutexLock lock(mutex_);
  EMBEDTOOL_CHECK(count_ == 0);  // called before the first add()
  known_ = settled_ = mark.end;
  bytes_ = mark.bytes;
  if (bytes_ == 0) return;
  open_file();
  std::array<char, 16384> buffer;
  std::string line;  // the end of a line, by which the run's own policies are told
  for (std::uint64_t at = 0; at < bytes_;) {
    const ssize_t got =
        options_.ops->pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail("read", got < 0 ? errno : EIO);
    for (const char c : std::span(buffer).first(static_cast<std::size_t>(got))) {
      line += c;
      if (c != '\n') continue;
      ++count_;
      bad_ += is_asked_for(reason_in(line)) ? 0U : 1U;
      line.clear();
    }
    at += static_cast<std::uint64_t>(got);
  }
}

void RejectLog::stage(const std::string& path) {
  const MutexLock lock(mutex_);
  path_ = path;
}

void RejectLog::publish() {
  const MutexLock lock(mutex_);
  if (path_ == options_.path) return;
  if (fd_ &&
      options_.ops->rename_at(AT_FDCWD, path_.c_str(), AT_FDCWD, options_.path.c_str()) != 0) {
    fail("rename", errno);
  }
  path_ = options_.path;
}

void RejectLog::discard() {
  const MutexLock lock(mutex_);
  if (path_ == options_.path) return;
  if (fd_) options_.ops->unlink_at(AT_FDCWD, path_.c_str());
  fd_.reset();
  held_.clear();
  path_.clear();
  dirty_ = false;
}

void RejectLog::count_reason(const Reject& reject) {
  const std::string kind = kind_of(reject.reason);
  auto found = reasons_.find(kind);
  if (found == reasons_.end()) {
    if (reasons_.size() == kMaxReasons) return;
    found = reasons_.emplace(kind, Reason()).first;
    found->second.example =
        fmt::format("{}:{}: {}", file_name(reject.file), reject.line, reject.reason);
  }
  ++found->second.count;
}

/// The most frequent reason with its first record and the remedy; then other records, if others
/// there are.
std::string RejectLog::explain() const {
  const auto most = std::max_element(
      reasons_.begin(), reasons_.end(),
      [](const auto& a, const auto& b) { return a.second.count < b.second.count; });
  if (most == reasons_.end()) return "see " + path_;  // all come from an earlier run
  const Reason& reason = most->second;
  std::string text =
      fmt::format("most common reason ({} of {}): {}", reason.count, count_, reason.example);
  // A reason that an option can mend names the option.
  if (reason.example.find("--") == std::string::npos) {
    text += "; check --format, --text-field and --id-field";
  }
  if (reasons_.size() == 1) return text;
  for (const auto& [position, example] : examples_) text += "\n  " + example;
  return text;
}

void RejectLog::remember(const Reject& reject) {
  examples_.emplace(reject.position,
                    fmt::format("{}:{}: {}", file_name(reject.file), reject.line, reject.reason));
  if (examples_.size() > options_.remember) examples_.erase(std::prev(examples_.end()));
}

void RejectLog::add(const Reject& reject) {
  const MutexLock lock(mutex_);
  if (reject.position < known_) return;
  ++count_;
  bad_ += is_asked_for(reject.reason) ? 0U : 1U;
  // Under this policy the message tells all: no file is left behind.
  if (options_.on_error == OnError::fail) {
    throw Error(ExitCode::bad_record,
                "{}:{}: {}; fix the record, or skip bad ones with --on-error skip",
                file_name(reject.file), reject.line, reject.reason);
  }
  remember(reject);
  count_reason(reject);
  // Workers reject as well, and not in order.
  seen_ = std::max(seen_, reject.position + 1);
  if (!path_.empty()) held_.emplace(reject.position, line_of(reject));
  if (bad_ > options_.budget.count || seen_ >= kJudgedFrom) check_budget(seen_);
}

void RejectLog::check_budget(std::uint64_t records) const {
  const double share = 100.0 * static_cast<double>(bad_) / static_cast<double>(records);
  if (bad_ <= options_.budget.count && share <= options_.budget.percent) return;
  throw Error(ExitCode::bad_record,
              "{} of the first {} records could not be used, more than --max-rejects {} allows "
              "(100% removes the limit): {}",
              bad_, records, describe(options_.budget), explain());
}

void RejectLog::settle_locked(std::uint64_t end) {
  settled_ = std::max(settled_, end);
  while (!held_.empty() && held_.begin()->first < end) {
    if (!fd_) open_file();
    // One write(2) a line: a reader that follows the file sees whole lines, as does one after a
    // kill.
    const std::string& line = held_.begin()->second;
    const int error = write_fully(*options_.ops, fd_.get(), std::as_bytes(std::span(line)));
    if (error != 0) fail("write", error);
    dirty_ = true;
    bytes_ += line.size();
    held_.erase(held_.begin());
  }
}

void RejectLog::sync_locked() {
  if (!dirty_) return;
  while (options_.ops->fsync(fd_.get()) != 0) {
    if (errno == EINVAL || errno == EROFS) break;  // no file that could be synced: a pipe
    if (errno != EINTR) fail("sync", errno);
  }
  dirty_ = false;
}

void RejectLog::settle(std::uint64_t end) {
  const MutexLock lock(mutex_);
  settle_locked(end);
}

RejectMark RejectLog::mark(std::uint64_t end) {
  const MutexLock lock(mutex_);
  settle_locked(end);
  sync_locked();
  return {bytes_, settled_};
}

void RejectLog::finish(std::uint64_t records) {
  const MutexLock lock(mutex_);
  settle_locked(UINT64_MAX);
  sync_locked();
  if (records == 0) return;
  if (count_ >= records) {
    throw Error(ExitCode::bad_record,
                "0 of {} records could be used, so there is nothing to write: {}", records,
                explain());
  }
  check_budget(records);
}

std::uint64_t RejectLog::count() const {
  const MutexLock lock(mutex_);
  return count_;
}

std::vector<std::string> RejectLog::examples() const {
  const MutexLock lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [position, example] : examples_) out.push_back(example);
  return out;
}

}  // namespace embedtool
