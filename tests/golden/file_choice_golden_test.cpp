// What the loader reads of every committed model, a pull would have fetched.
#include <gtest/gtest.h>

#include <set>

#include "formats/hub/file_choice.hpp"
#include "formats/model/load_model.hpp"
#include "tests/golden/golden_case.hpp"

namespace embedtool {
namespace {

namespace fs = std::filesystem;

/// Remembers the names of files that were there.
class ObservedFileSet : public DirectoryFileSet {
 public:
  ObservedFileSet(const std::string& path, std::set<std::string>& found)
      : DirectoryFileSet(path), found_(found) {}
  std::optional<std::span<const std::byte>> find(std::string_view name) const override {
    auto bytes = DirectoryFileSet::find(name);
    if (bytes) found_.emplace(name);
    return bytes;
  }

 private:
  std::set<std::string>& found_;
};

std::set<std::string> chosen_of(const fs::path& model) {
  std::vector<HubFile> files;
  for (const auto& entry : fs::recursive_directory_iterator(model)) {
    if (entry.is_regular_file()) {
      files.push_back({entry.path().lexically_relative(model).string(), 1, ""});
    }
  }
  std::set<std::string> chosen;
  for (const HubFile& file : choose_files(files).taken) chosen.insert(file.path);
  return chosen;
}

TEST(FileChoice, CoversWhatTheLoaderReadsOfCommittedModels) {
  std::size_t models = 0;
  for (const char* top : {"tests/golden/data", "tests/golden/heads"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(EMBEDTOOL_SOURCE_DIR) / top)) {
      const fs::path model = entry.path() / "model";
      if (!fs::is_directory(model)) continue;
      std::set<std::string> read;
      load_model(std::make_unique<ObservedFileSet>(model.string(), read), "model");
      const std::set<std::string> chosen = chosen_of(model);
      for (const std::string& name : read) {
        EXPECT_EQ(chosen.count(name), 1U) << model << ": " << name;
      }
      ++models;
    }
  }
  EXPECT_GT(models, 30U);
}

}  // namespace
}  // namespace embedtool
