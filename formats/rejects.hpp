#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "core/ports.hpp"
#include "formats/unique_fd.hpp"

namespace embedtool {

/// What a bad record does to the run.
enum class OnError : std::uint8_t {
  fail,  ///< ends it: Error(bad_record)
  skip,  ///< is noted, and the run goes on without it
};

struct RejectOptions {
  OnError on_error = OnError::fail;
  /// Where rejects go, one JSON object a line; empty = they are only counted.
  std::string path;
  std::vector<std::string> file_names;  ///< as DocumentSource::file_names()
  std::size_t max_bytes = 256;          ///< of a bad record's bytes kept
  std::size_t remember = 5;             ///< how many of the first rejects examples() tells
};

/// Counts unusable records and writes them to a file of lines
///   {"file":…,"line":…,"id":…,"reason":…,"bytes":…}
/// "id" is null where it is unknown; "bytes" holds the record's beginning, bytes that are not UTF-8
/// as \xNN and a backslash as \\. The file is made (or emptied) at the first reject: a clean run
/// leaves none. Thread-safe.
class RejectLog final : public RejectSink {
 public:
  explicit RejectLog(RejectOptions options);

  /// Throws Error(bad_record) under OnError::fail, Error(failed) when the file cannot be written.
  void add(const Reject& reject) override;

  std::uint64_t count() const;
  /// "file:line: reason" of the first rejects.
  std::vector<std::string> examples() const;
  /// Makes what was written durable (fsync). Throws Error(failed).
  void sync();

 private:
  const std::string& file_name(std::uint32_t file) const;
  void write_line(const Reject& reject);

  const RejectOptions options_;
  mutable std::mutex mutex_;
  std::uint64_t count_ = 0;
  std::vector<std::string> examples_;
  UniqueFd fd_;
  std::string line_;
  std::string scratch_;
};

}  // namespace embedtool
