#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "formats/hub/hub_client.hpp"
#include "formats/io/unique_fd.hpp"

namespace embedtool {

/// A file on its way: HASH.WRITER.embedtool, where WRITER names host, process and chance, so that
/// no two processes share one, whatever a file system makes of locks. Stays where it is when it is
/// dropped, and the next of the same hash goes on with it. Not thread-safe.
class PartialFile final : public DownloadSink {
 public:
  /// Takes over the largest one that nobody writes any more, or begins one. A process of another
  /// host counts as gone after ten minutes without a byte. Throws Error(failed).
  PartialFile(std::string folder, std::string hash);
  ~PartialFile() override;
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  std::uint64_t size() const override { return size_; }
  void append(std::string_view bytes) override;
  void restart() override;

  /// Whether its bytes are those that its name promises; reads them.
  bool is_right() const;
  /// Makes it the file `path` on the same file system, durably, and removes what others left of the
  /// same hash.
  void publish(const std::string& path);

 private:
  bool take_over(const std::string& name);
  void create();
  [[noreturn]] void fail(const char* doing, int error) const;

  std::string folder_;
  std::string hash_;
  std::string path_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
};

/// Bytes of what is left of a file's earlier downloads, the largest one's.
std::uint64_t partial_bytes(const std::string& folder, const std::string& hash);

/// When a byte of the file last arrived, by whatever program: seconds since 1970; 0 = never.
std::int64_t last_progress(const std::string& folder, const std::string& hash);

/// Makes the names in a folder durable.
void sync_folder(const std::string& folder);

}  // namespace embedtool
