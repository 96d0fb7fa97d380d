// What an encoder reads of a checkpoint is what its spec says that it reads: the list behind
// `info`'s "unused" and the code that loads cannot drift apart.
#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/math/gemm_backends.hpp"
#include "core/model/encoder.hpp"
#include "formats/model/load_model.hpp"
#include "formats/model/model_unused.hpp"
#include "tests/golden/golden_case.hpp"

namespace embedtool {
namespace {

/// A model's weights that remember which of them were asked for, and show some of their names.
class WatchedWeights final : public WeightSource {
 public:
  explicit WatchedWeights(const WeightSource& source) : source_(source) {}

  const TensorView* find(std::string_view name) const override {
    const TensorView* tensor = source_.find(name);
    const std::lock_guard lock(mutex_);
    if (tensor != nullptr) read_.emplace(name);
    return tensor;
  }
  std::vector<std::string_view> names() const override { return {shown_.begin(), shown_.end()}; }
  std::string describe() const override { return source_.describe(); }

  /// From now on names() is those that have been read, or the others.
  void show(bool read) {
    shown_.clear();
    for (const std::string_view name : source_.names()) {
      if ((read_.count(std::string(name)) > 0) == read) shown_.emplace_back(name);
    }
  }

 private:
  const WeightSource& source_;
  mutable std::mutex mutex_;
  mutable std::set<std::string> read_;
  std::vector<std::string> shown_;
};

std::vector<std::filesystem::path> model_folders() {
  std::vector<std::filesystem::path> folders;
  for (const std::string& name : golden::case_names(true)) {
    folders.push_back(golden::data_folder() / name / "model");
  }
  for (const auto& entry :
       std::filesystem::directory_iterator(golden::data_folder().parent_path() / "heads")) {
    folders.push_back(entry.path() / "model");
  }
  return folders;
}

TEST(TensorNames, AreThoseThatLoadingReads) {
  std::size_t models = 0;
  for (const auto& folder : model_folders()) {
    LoadedModel model = load_model(folder.string());
    std::vector<HeadKind> heads{model.head_kind};
    for (const HeadChoice& choice : model.more_heads) heads.push_back(choice.kind);
    for (const HeadKind kind : heads) {
      SCOPED_TRACE(folder.string() + ", head " + std::string(name_of(kind)));
      if (kind != model.head_kind) choose_head(model, kind);
      WatchedWeights weights(*model.weights);
      HeadSpec head = model.head;
      for (DenseSpec& dense : head.dense) {
        if (dense.weights == model.weights.get()) dense.weights = &weights;
      }
      const Encoder encoder(model.spec, head, weights, select_gemm("auto", Compute::f32));
      weights.show(true);
      EXPECT_FALSE(weights.names().empty());
      EXPECT_EQ(unused_tensors(model.spec, head, weights), std::vector<std::string>{});
      weights.show(false);
      std::size_t counted = 0;
      for (const std::string& group : unused_tensors(model.spec, head, weights)) {
        counted += std::stoul(group.substr(group.find('(') + 1));
      }
      std::size_t buffers = 0;
      for (const std::string_view tensor : weights.names()) {
        buffers += tensor.ends_with("position_ids") ? 1 : 0;
      }
      EXPECT_EQ(counted, weights.names().size() - buffers) << "a name that nothing reads";
      ++models;
    }
  }
  EXPECT_GT(models, 20U);
}

}  // namespace
}  // namespace embedtool
