#include "formats/io/publish_file.hpp"

#include <filesystem>

#include "formats/io/durable_file.hpp"

namespace embedtool {
namespace {

Directory folder_of(const std::filesystem::path& file) {
  return {file.has_parent_path() ? file.parent_path().string() : ".", false};
}

}  // namespace

void publish_file(const std::string& path, std::string_view text) {
  const std::filesystem::path file(path);
  folder_of(file).publish(file.filename().string(), text);
}

std::optional<std::string> read_file(const std::string& path, std::size_t cap) {
  const std::filesystem::path file(path);
  return folder_of(file).read(file.filename().string(), cap);
}

}  // namespace embedtool
