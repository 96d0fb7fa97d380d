#include "formats/model/model_files.hpp"

#include <utility>

namespace embedtool {

std::optional<std::span<const std::byte>> RecordingFileSet::find(std::string_view name) const {
  const auto bytes = base_->find(name);
  if (bytes.has_value()) {
    const std::lock_guard lock(mutex_);
    read_.try_emplace(std::string(name), *bytes);
  }
  return bytes;
}

Hash128 RecordingFileSet::fingerprint() const {
  const std::lock_guard lock(mutex_);
  Hasher128 whole;
  for (const auto& [name, bytes] : read_) {
    // Fixed-size hashes of name and content leave no way to shift bytes from one to the other.
    const auto name_hash = hash128(name).bytes();
    const auto content_hash = hash128(bytes.data(), bytes.size()).bytes();
    whole.update(name_hash.data(), name_hash.size());
    whole.update(content_hash.data(), content_hash.size());
  }
  return whole.digest();
}

std::optional<std::span<const std::byte>> SubfolderFileSet::find(std::string_view name) const {
  // Checked here, since the folder before it would make an absolute name look relative.
  if (name.starts_with('/')) return base_.find(name);
  return base_.find(folder_ + std::string(name));
}

std::string SubfolderFileSet::describe() const {
  if (folder_.empty()) return base_.describe();
  return base_.describe() + "/" + folder_.substr(0, folder_.size() - 1);
}

}  // namespace embedtool
