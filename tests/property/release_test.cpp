// What has been prepared of the weights is released, what is read in place is not.
#include <gtest/gtest.h>

#include <set>

#include "core/base/mutex.hpp"
#include "core/math/gemm_backends.hpp"
#include "core/model/encoder.hpp"
#include "tests/support/memory_model.hpp"

namespace embedtool {
namespace {

/// Weights that note what was released.
class NotingWeights final : public WeightSource {
 public:
  explicit NotingWeights(const WeightSource& base) : base_(base) {}
  const TensorView* find(std::string_view name) const override { return base_.find(name); }
  std::vector<std::string_view> names() const override { return base_.names(); }
  void release(const TensorView& tensor) const override {
    const MutexLock lock(mutex_);
    released_.insert(tensor.name);
  }
  std::string describe() const override { return base_.describe(); }
  std::set<std::string> released() const {
    const MutexLock lock(mutex_);
    return released_;
  }

 private:
  const WeightSource& base_;
  mutable Mutex mutex_;
  mutable std::set<std::string> released_ EMBEDTOOL_GUARDED_BY(mutex_);
};

class Release : public ::testing::Test {
 protected:
  Release() { testing::fill_weights(spec_, weights_); }

  ModelSpec spec_ = testing::small_bert();
  testing::MemoryWeights weights_;
};

TEST_F(Release, EveryMatrixThatIsPackedButNotTheWordEmbeddings) {
  const NotingWeights weights(weights_);
  const Encoder encoder(spec_, {}, weights, select_gemm("native", Compute::f32));
  for (const char* layer : {"layer.0.", "layer.1."}) {
    for (const char* part : {"q", "k", "v", "o", "up", "down"}) {
      const std::string name = std::string(layer) + part + ".weight";
      EXPECT_EQ(weights.released().count(name), 1U) << name;
    }
  }
  EXPECT_EQ(weights.released().count("position"), 1U);
  EXPECT_EQ(weights.released().count("word"), 0U);
  EXPECT_EQ(encoder.borrowed_bytes(), spec_.vocab_size * spec_.hidden * sizeof(float));
}

TEST_F(Release, NotWhatABackendReadsInPlace) {
  const GemmBackend* openblas = gemm_backends()[0];
  for (const GemmBackend* backend : gemm_backends()) {
    if (backend->name() == "openblas") openblas = backend;
  }
  if (openblas->name() != "openblas" || !openblas->unavailable(Compute::f32).empty()) {
    GTEST_SKIP() << "no OpenBLAS here";
  }
  const NotingWeights weights(weights_);
  const Encoder encoder(spec_, {}, weights, *openblas);
  EXPECT_EQ(weights.released().count("layer.0.q.weight"), 1U);  // stacked with keys and values
  EXPECT_EQ(weights.released().count("layer.0.up.weight"), 0U);
  const std::size_t table = spec_.vocab_size * spec_.hidden;
  const std::size_t in_place =
      spec_.layers * (spec_.hidden * spec_.hidden + 2 * spec_.hidden * spec_.ffn);
  EXPECT_EQ(encoder.borrowed_bytes(), (table + in_place) * sizeof(float));
}

}  // namespace
}  // namespace embedtool
