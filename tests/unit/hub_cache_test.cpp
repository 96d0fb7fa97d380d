#include "formats/hub/hub_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/base/error.hpp"
#include "tests/support/temp_folder.hpp"

namespace embedtool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kCommit = "0123456789abcdef0123456789abcdef01234567";
const std::string kRepo = "models--org--name/";

// A cache with one model, whose files are links as Python makes them.
class HubCache : public ::testing::Test {
 protected:
  void add(const std::string& name, const std::string& content,
           const std::string& commit = kCommit) {
    const std::string blob = "blob-" + std::to_string(std::hash<std::string>()(name + content));
    folder_.write(kRepo + "blobs/" + blob, content);
    const std::filesystem::path link = folder_.path() / (kRepo + "snapshots/" + commit) / name;
    std::filesystem::create_directories(link.parent_path());
    const std::filesystem::path target =
        std::filesystem::relative(folder_.path() / kRepo / "blobs" / blob, link.parent_path());
    std::filesystem::create_symlink(target, link);
  }
  void add_ref(const std::string& ref, const std::string& commit = kCommit) {
    folder_.write(kRepo + "refs/" + ref, commit);
  }
  void add_model() {
    add("config.json", "{}");
    add("model.safetensors", "weights");
    add_ref("main");
  }

  HubSettings settings() const {
    HubSettings settings;
    settings.cache = folder_.path().string();
    return settings;
  }
  std::string message(const std::string& name) const {
    try {
      find_in_cache(parse_hub_name(name), settings());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::model);
      return error.what();
    }
    return "";
  }

  testing::TempFolder folder_;
};

TEST_F(HubCache, FindsBranchesTagsAndCommits) {
  add_model();
  add_ref("refs/pr/1");
  for (const std::string& revision : {std::string("main"), std::string("refs/pr/1"), kCommit}) {
    const CachedSnapshot found = find_in_cache({"org/name", revision}, settings());
    EXPECT_EQ(found.repo, "org/name");
    EXPECT_EQ(found.commit, kCommit);
    EXPECT_EQ(found.folder, folder_ / (kRepo + "snapshots/" + kCommit));
  }
}

TEST_F(HubCache, SaysWhatToDoAboutAMissingModel) {
  EXPECT_THAT(message("org/name"), HasSubstr("embedtool pull org/name"));
  add_model();
  EXPECT_EQ(message("org/name"), "");
  EXPECT_THAT(message("org/name@v2"), HasSubstr("there are @main, @" + kCommit));
  EXPECT_THAT(message("org/name@v2"), HasSubstr("embedtool pull org/name@v2"));
  EXPECT_THROW(find_in_cache({"org/name", "main"}, HubSettings()), Error);
}

TEST_F(HubCache, NamesWhatAPartialSnapshotLacks) {
  add("tokenizer.json", "{}");
  add_ref("main");
  EXPECT_THAT(message("org/name"), HasSubstr("has no config.json"));
  add("config.json", "{}");
  EXPECT_THAT(message("org/name"), HasSubstr("has no model.safetensors"));
  add("modules.json", R"([{"path": "", "type": "x.Transformer"},
                          {"path": "1_Pooling", "type": "x.Pooling"},
                          {"path": "2_Normalize", "type": "x.Normalize"}])");
  EXPECT_THAT(message("org/name"), HasSubstr("has no 1_Pooling/config.json"));
  add("1_Pooling/config.json", "{}");
  add("model.safetensors.index.json", R"({"weight_map": {"a": "model-00001-of-00002.safetensors",
                                          "b": "model-00002-of-00002.safetensors"}})");
  add("model-00001-of-00002.safetensors", "weights");
  EXPECT_THAT(message("org/name"), HasSubstr("has no model-00002-of-00002.safetensors"));
  add("model-00002-of-00002.safetensors", "weights");
  EXPECT_EQ(message("org/name"), "");
  std::filesystem::remove_all(folder_ / (kRepo + "blobs"));
  EXPECT_THAT(message("org/name"), HasSubstr("only a part of it"));
}

TEST_F(HubCache, RefsThatHoldNoCommitLeadNowhere) {
  add_model();
  for (const std::string& text : {std::string("../../.."), std::string(), std::string(4096, 'a')}) {
    add_ref("odd", text);
    EXPECT_THAT(message("org/name@odd"), HasSubstr("embedtool pull")) << text;
  }
}

TEST_F(HubCache, FolderOfARepositoryIsAModel) {
  add_model();
  const std::string path = folder_ / kRepo;
  EXPECT_TRUE(is_cached_repo(path));
  EXPECT_FALSE(is_cached_repo(folder_.path().string()));
  EXPECT_EQ(find_in_repo(path).commit, kCommit);
  std::filesystem::remove_all(folder_ / (kRepo + "refs"));
  EXPECT_EQ(find_in_repo(path).commit, kCommit);  // the only one
  std::filesystem::create_directories(folder_ / (kRepo + "snapshots/ab"));
  EXPECT_THROW(find_in_repo(path), Error);
}

TEST_F(HubCache, ListsWhatThereIs) {
  EXPECT_TRUE(list_cache(settings()).empty());
  add_model();
  add_ref("v1");
  const std::string other(40, 'b');
  add("config.json", "{ }", other);
  folder_.write("datasets--org--name/snapshots/a/x", "x");
  const auto all = list_cache(settings());
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].commit, kCommit);
  EXPECT_THAT(all[0].refs, ElementsAre("main", "v1"));
  EXPECT_EQ(all[0].bytes, 9U);
  EXPECT_EQ(all[0].missing, "");
  EXPECT_EQ(all[1].commit, other);
  EXPECT_EQ(all[1].missing, "model.safetensors");
}

}  // namespace
}  // namespace embedtool
