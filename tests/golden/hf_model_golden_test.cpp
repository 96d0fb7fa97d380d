// Model folders through the loader, the tokenizer and the encoder, against the original
// implementations in float64: see README.md here for where every number comes from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/math/gemm.hpp"
#include "core/model/encoder.hpp"
#include "formats/hf_model.hpp"
#include "tests/golden/encode_ids.hpp"
#include "tests/golden/golden_case.hpp"

namespace embedtool {
namespace {

// The numeric contract.
constexpr double kMaxAbs = 1e-5;
constexpr double kMinCosine = 0.999999;

class GoldenModel : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenModel, VectorsAgreeOnEveryBackend) {
  const golden::Case c = golden::load_case(GetParam());
  ASSERT_FALSE(c.items.empty());
  LoadedModel model = load_model(c.model().string());
  // Not every folder normalizes; the contract speaks of normalized vectors.
  model.head.normalize = true;
  std::vector<std::vector<TokenId>> sequences;
  for (const golden::Item& item : c.items) sequences.push_back(item.ids);
  for (const GemmBackend* backend : gemm_backends()) {
    if (!backend->unavailable().empty()) continue;
    const Encoder encoder(model.spec, model.head, *model.weights, *backend);
    const auto vectors = golden::encode(encoder, sequences);
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      const golden::Distance d = golden::distance(vectors[i], c.items[i].normalized);
      EXPECT_LE(d.max_abs, kMaxAbs) << backend->name() << ", item " << i;
      EXPECT_GE(d.cosine, kMinCosine) << backend->name() << ", item " << i;
    }
  }
}

// What the folder itself says of normalization must be what its reference did: unnormalized
// folders give the pooled vectors.
TEST_P(GoldenModel, FolderDecidesOnNormalization) {
  const golden::Case c = golden::load_case(GetParam());
  const LoadedModel model = load_model(c.model().string());
  const Encoder encoder(model.spec, model.head, *model.weights, *gemm_backends().back());
  const golden::Item& item = c.items.back();
  const auto ours = golden::encode(encoder, {item.ids}).front();
  double square = 0;
  for (const double x : item.pooled) square += x * x;
  const auto& reference = model.head.normalize ? item.normalized : item.pooled;
  // Unnormalized values carry their length into the error.
  const double scale = model.head.normalize ? 1.0 : std::max(1.0, std::sqrt(square));
  EXPECT_LE(golden::distance(ours, reference).max_abs, kMaxAbs * scale);
}

TEST_P(GoldenModel, TextsGiveTheReferencesIds) {
  const golden::Case c = golden::load_case(GetParam());
  const LoadedModel model = load_model(c.model().string());
  if (model.tokenizer != nullptr && model.tokenizer->kind() == "unusable") {
    // Only byte-level BPE may be out of reach.
    ASSERT_THAT(model.notes, ::testing::Contains(::testing::HasSubstr("'BPE' is not supported")));
    GTEST_SKIP() << model.notes.front();
  }
  std::size_t texts = 0;
  for (const golden::Item& item : c.items) {
    if (!item.text.has_value()) continue;
    ASSERT_NE(model.tokenizer, nullptr);
    std::vector<TokenId> ids;
    const auto scratch = model.tokenizer->make_scratch();
    model.tokenizer->encode(*item.text, {.max_tokens = model.max_tokens}, *scratch, ids);
    EXPECT_EQ(ids, item.ids) << *item.text;
    ++texts;
  }
  if (texts == 0) GTEST_SKIP() << "a case of ids alone";
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenModel, ::testing::ValuesIn(golden::case_names(true)),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace embedtool
