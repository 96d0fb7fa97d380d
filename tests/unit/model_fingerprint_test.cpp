#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/model/load_model.hpp"
#include "tests/support/model_folder.hpp"
#include "tests/support/temp_folder.hpp"

namespace embedtool {
namespace {

using testing::as_bytes;
using testing::bert_files;
using ::testing::IsEmpty;
using testing::TempFolder;

/// Files with whatever stamps a test wants.
struct StampedText {
  std::string text;
  std::optional<FileStamp> stamp;
};
class StampedFileSet : public FileSet {
 public:
  explicit StampedFileSet(std::map<std::string, StampedText, std::less<>> files)
      : files_(std::move(files)) {}

  std::optional<std::span<const std::byte>> find(std::string_view name) const override {
    const auto found = files_.find(name);
    if (found == files_.end()) return std::nullopt;
    return as_bytes(found->second.text);
  }
  std::optional<FileStamp> stamp(std::string_view name) const override {
    return files_.find(name)->second.stamp;
  }
  std::string describe() const override { return "stamped"; }

 private:
  std::map<std::string, StampedText, std::less<>> files_;
};

/// What a run before would have recorded. No hash looks like this: where it comes back, no byte was
/// hashed.
constexpr const char* kKnown = "known";

using Texts = std::map<std::string, StampedText, std::less<>>;

Texts usual() {
  return {{"config.json", {"{}", FileStamp{2, 10, 11}}},
          {"model.safetensors", {"weights", FileStamp{7, 20, 21}}}};
}

/// A model that was made of these files, and of others that it looked for.
LoadedModel model_of(const Texts& files) {
  LoadedModel model;
  model.files = std::make_unique<RecordingFileSet>(std::make_unique<StampedFileSet>(files));
  for (const char* name : {"config.json", "model.safetensors", "modules.json"}) {
    model.files->find(name);
  }
  return model;
}

std::string fingerprint_of(const Texts& files, const Texts& before) {
  LoadedModel model = model_of(files);
  fingerprint_model(model, model_of(before).files->stamps(), kKnown);
  return model.fingerprint;
}

std::string hashed(const Texts& files) {
  LoadedModel model = model_of(files);
  fingerprint_model(model);
  return model.fingerprint;
}

TEST(ModelFingerprint, IsKnownWhereAllFilesLookTheSame) {
  EXPECT_EQ(fingerprint_of(usual(), usual()), kKnown);
  EXPECT_EQ(hashed(usual()).size(), 32U);
  Texts files = usual();
  files["notes.txt"] = {"that no model is made of", FileStamp{1, 1, 1}};
  EXPECT_EQ(fingerprint_of(files, usual()), kKnown);
}

TEST(ModelFingerprint, IsHashedWhereAnyPartOfAStampDiffers) {
  for (const FileStamp& stamp :
       {FileStamp{8, 20, 21}, FileStamp{7, 22, 21}, FileStamp{7, 20, 23}}) {
    Texts files = usual();
    files["model.safetensors"].stamp = stamp;
    EXPECT_EQ(fingerprint_of(files, usual()), hashed(files));
  }
}

TEST(ModelFingerprint, IsHashedWhereAFileHasComeOrGone) {
  Texts more = usual();
  more["modules.json"] = {"[]", FileStamp{2, 1, 1}};
  EXPECT_EQ(fingerprint_of(more, usual()), hashed(more));
  EXPECT_EQ(fingerprint_of(usual(), more), hashed(usual()));
}

TEST(ModelFingerprint, IsHashedWhereStampsDoNotTell) {
  Texts files = usual();
  files["config.json"].stamp.reset();
  EXPECT_THAT(model_of(files).files->stamps(), IsEmpty());
  EXPECT_EQ(fingerprint_of(files, files), hashed(files));
  // Changed just now: it may be changed again without its times showing it.
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  files["config.json"].stamp = FileStamp{2, 10, std::chrono::nanoseconds(now).count()};
  EXPECT_THAT(model_of(files).files->stamps(), IsEmpty());
  EXPECT_EQ(fingerprint_of(files, files), hashed(files));
}

TEST(ModelFingerprint, IsLeftOpenWhenAModelIsOpened) {
  const TempFolder folder;
  folder.write(bert_files());
  LoadedModel model = open_model(folder.path());
  EXPECT_EQ(model.fingerprint, "");
  fingerprint_model(model);
  EXPECT_EQ(model.fingerprint, load_model(folder.path()).fingerprint);
  EXPECT_EQ(model.files->stamp("config.json")->bytes, bert_files().at("config.json").size());
}

}  // namespace
}  // namespace embedtool
