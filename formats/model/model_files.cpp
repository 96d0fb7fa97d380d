#include "formats/model/model_files.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace embedtool {
namespace {

/// So much of a file is in memory at a time while it is hashed; a multiple of every page size.
constexpr std::size_t kPiece = std::size_t{4} << 20U;

/// The coarsest times that a file system keeps (FAT).
constexpr std::int64_t kTimeResolution = 2'000'000'000;

std::int64_t now_ns() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since_1970).count();
}

}  // namespace

RecordingFileSet::RecordingFileSet(std::unique_ptr<FileSet> base)
    : base_(std::move(base)), opened_ns_(now_ns()) {}

void RecordingFileSet::attach(std::string folder, std::unique_ptr<FileSet> files) {
  attached_folder_ = std::move(folder);
  attached_ = std::move(files);
}

const FileSet& RecordingFileSet::set_of(std::string_view& name) const {
  if (attached_ == nullptr || !name.starts_with(attached_folder_)) return *base_;
  name.remove_prefix(attached_folder_.size());
  return *attached_;
}

std::optional<FileStamp> RecordingFileSet::stamp(std::string_view name) const {
  const FileSet& set = set_of(name);
  return set.stamp(name);
}

std::optional<std::span<const std::byte>> RecordingFileSet::find(std::string_view name) const {
  std::string_view name_there = name;
  const FileSet& set = set_of(name_there);
  const auto bytes = set.find(name_there);
  const MutexLock lock(mutex_);
  found_.try_emplace(std::string(name), bytes);
  return bytes;
}

Hash128 RecordingFileSet::content_hash(std::span<const std::byte> bytes) const {
  Hasher128 hasher;
  for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
    const auto piece = bytes.subspan(at, std::min(kPiece, bytes.size() - at));
    hasher.update(piece.data(), piece.size());
    release(piece);
  }
  return hasher.digest();
}

Hash128 RecordingFileSet::fingerprint() const {
  const MutexLock lock(mutex_);
  Hasher128 whole;
  for (const auto& [name, bytes] : found_) {
    if (!bytes.has_value()) continue;
    // Fixed-size hashes of name and content leave no way to shift bytes from one to the other.
    const auto name_hash = hash128(name).bytes();
    const auto content = content_hash(*bytes).bytes();
    whole.update(name_hash.data(), name_hash.size());
    whole.update(content.data(), content.size());
  }
  return whole.digest();
}

std::vector<StampedFile> RecordingFileSet::stamps() const {
  const MutexLock lock(mutex_);
  std::vector<StampedFile> out;
  for (const auto& [name, bytes] : found_) {
    StampedFile& file = out.emplace_back(StampedFile{name, {}});
    if (!bytes.has_value()) continue;
    file.stamp = stamp(name);
    if (!file.stamp || file.stamp->changed_ns > opened_ns_ - kTimeResolution) return {};
  }
  return out;
}

std::optional<std::span<const std::byte>> SubfolderFileSet::find(std::string_view name) const {
  // Checked here, since the folder before it would make an absolute name look relative.
  if (name.starts_with('/')) return base_.find(name);
  return base_.find(folder_ + std::string(name));
}

std::string SubfolderFileSet::describe() const {
  if (!where_.empty()) return where_;
  if (folder_.empty()) return base_.describe();
  return base_.describe() + "/" + folder_.substr(0, folder_.size() - 1);
}

}  // namespace embedtool
