#include "formats/model/builtin_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "core/base/error.hpp"
#include "formats/model/load_model.hpp"
#include "tests/unit/loader_cases.hpp"

namespace embedtool {
namespace {

using testing::Files;
using ::testing::HasSubstr;

std::vector<BuiltinFile> table_of(std::string_view model, const Files& files) {
  std::vector<BuiltinFile> table;
  for (const auto& [name, content] : files) {
    table.push_back({model, name, testing::as_bytes(content)});
  }
  return table;
}

TEST(BuiltinModel, NamesAreKnownWhateverTheBuildCarries) {
  EXPECT_TRUE(is_builtin_name("builtin"));
  EXPECT_TRUE(is_builtin_name("builtin-fast"));
  EXPECT_FALSE(is_builtin_name("./builtin"));
  EXPECT_FALSE(is_builtin_name("builtin/"));
}

TEST(BuiltinModel, LoadsThroughTheSamePathWithoutACopy) {
  const Files files = testing::model2vec_files();
  const auto table = table_of("builtin", files);
  const LoadedModel model = load_model(open_builtin("builtin", table), "builtin");
  EXPECT_EQ(model.spec.hidden, 3U);
  EXPECT_EQ(model.where, "builtin");
  const std::string& weights = files.at("model.safetensors");
  const std::byte* tensor = model.weights->find("embeddings")->bytes.data();
  EXPECT_GE(tensor, testing::as_bytes(weights).data());
  EXPECT_LT(tensor, testing::as_bytes(weights).data() + weights.size());
  EXPECT_EQ(model.fingerprint, testing::load(files).fingerprint);
}

TEST(BuiltinModel, EachNameOpensItsOwnFiles) {
  const Files fast{{"which", "fast"}};
  const Files standard{{"which", "standard"}};
  std::vector<BuiltinFile> table = table_of("builtin-fast", fast);
  EXPECT_THROW(open_builtin("builtin", table), Error);
  table.push_back(table_of("builtin", standard).front());
  const auto which = [&table](std::string_view name) {
    return std::string(as_chars(*open_builtin(name, table)->find("which")));
  };
  EXPECT_EQ(which("builtin"), "standard");
  EXPECT_EQ(which("builtin-fast"), "fast");
  EXPECT_EQ(open_builtin("builtin-fast", table)->describe(), "builtin-fast");
}

TEST(BuiltinModel, SaysWhenTheBuildCarriesNone) {
  try {
    open_builtin("builtin", std::span<const BuiltinFile>());
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::model);
    EXPECT_THAT(error.what(), HasSubstr("this build does not contain that model"));
  }
}

// The table in the program holds exactly the files of formats/model/builtin that it reads, byte for
// byte; the others are there for other programs.
TEST(BuiltinModel, TableMirrorsTheFolders) {
  const std::filesystem::path root =
      std::filesystem::path(EMBEDTOOL_SOURCE_DIR) / "formats" / "model" / "builtin";
  std::set<std::string> on_disk;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string name = entry.path().lexically_relative(root).string();
    const std::string file = entry.path().filename();
    if (file == "bag.py" || file == "tokenizer.model") continue;
    if (entry.is_regular_file() && name.find('/') != std::string::npos) on_disk.insert(name);
  }
  std::set<std::string> inside;
  for (const BuiltinFile& file : builtin_files()) {
    const std::string name = std::string(file.model) + "/" + std::string(file.name);
    inside.insert(name);
    EXPECT_TRUE(testing::read_file(root / name) == as_chars(file.bytes)) << name;
  }
  EXPECT_EQ(inside, on_disk);
}

TEST(BuiltinModel, WhatThisBuildCarriesLoads) {
  std::set<std::string> models;
  for (const BuiltinFile& file : builtin_files()) models.emplace(file.model);
  EXPECT_THAT(models, ::testing::ElementsAre("builtin", "builtin-fast"));
  for (const std::string& name : models) {
    const LoadedModel model = load_model(name);
    EXPECT_EQ(model.name, name);
    ASSERT_NE(model.tokenizer, nullptr) << name;
    EXPECT_EQ(model.tokenizer->vocab_size(), model.spec.vocab_size) << name;
    EXPECT_THAT(model.notes, ::testing::IsEmpty()) << name;
    EXPECT_FALSE(model.card.empty()) << name;
  }
}

}  // namespace
}  // namespace embedtool
