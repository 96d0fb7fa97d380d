// Every golden model through loader and encoder, on every GEMM backend that runs here, against
// what the original implementation gives in f64. The contract (f32): cosine >= 0.999999 and
// max abs <= 1e-5 on normalized vectors.
#include <gtest/gtest.h>

#include "core/math/gemm_backends.hpp"
#include "core/model/encoder.hpp"
#include "formats/model/load_model.hpp"
#include "tests/golden/golden_checks.hpp"
#include "tests/support/temp_folder.hpp"

namespace embedtool {
namespace {

using golden::encode_all;
using golden::expect_near;

/// All items with the head as the folder says, normalized by us whatever it says; the full vector
/// and its first half (Matryoshka).
void check_vectors(const LoadedModel& model, const golden::Case& c, const GemmBackend& backend) {
  HeadSpec head = model.head;
  head.normalize = true;
  for (const bool halved : {false, true}) {
    const std::size_t full = c.items[0].normalized.size();
    head.dims = halved ? full / 2 : 0;
    const Encoder encoder(model.spec, head, *model.weights, backend);
    const std::vector<float> vectors = encode_all(encoder, c.items);
    const std::size_t dims = encoder.dims();
    ASSERT_EQ(dims, halved ? full / 2 : full);
    for (std::size_t i = 0; i < c.items.size(); ++i) {
      const golden::Item& item = c.items[i];
      expect_near({vectors.data() + i * dims, dims}, golden::unit(item.normalized, head.dims),
                  std::string(backend.name()) + ", item " + std::to_string(i) + ", " +
                      std::to_string(item.ids.size()) + " tokens, " + std::to_string(dims) +
                      " dimensions");
    }
  }
}

/// Token states (pooling none), scaled to unit length as the published vectors are.
void check_tokens(const LoadedModel& model, const golden::Case& c, const GemmBackend& backend) {
  HeadSpec head;
  head.pooling = {Pooling::none};
  const Encoder encoder(model.spec, head, *model.weights, backend);
  for (const golden::Item& item : c.items) {
    if (item.tokens.empty()) continue;
    const std::vector<float> vectors = encode_all(encoder, {item});
    ASSERT_EQ(vectors.size(), item.tokens.size() * encoder.dims());
    for (std::size_t t = 0; t < item.tokens.size(); ++t) {
      expect_near({vectors.data() + t * encoder.dims(), encoder.dims()},
                  golden::unit(item.tokens[t]), "token " + std::to_string(t));
    }
  }
}

void check_token_ids(const LoadedModel& model, const golden::Case& c) {
  if (model.tokenizer == nullptr) return;
  const auto scratch = model.tokenizer->make_scratch();
  for (const golden::Item& item : c.items) {
    if (!item.text.has_value()) continue;
    std::vector<TokenId> ids;
    model.tokenizer->encode(*item.text, {}, *scratch, ids);
    EXPECT_EQ(ids, item.ids) << *item.text;
  }
}

enum class Backends { all, fast };  // the reference takes minutes on real shapes

void check_case(const golden::Case& c, const std::string& folder, Backends backends) {
  const LoadedModel model = load_model(folder);
  check_token_ids(model, c);
  for (const GemmBackend* backend : gemm_backends()) {
    if (!backend->unavailable(Compute::f32).empty()) continue;
    if (backends == Backends::fast && backend == gemm_backends().back()) continue;
    check_vectors(model, c, *backend);
    check_tokens(model, c, *backend);
  }
}

class CommittedModels : public ::testing::TestWithParam<std::string> {};

TEST_P(CommittedModels, AgreeWithTheOriginal) {
  const golden::Case c = golden::load_case(GetParam());
  check_case(c, c.model().string(), Backends::all);
}

class GeneratedModels : public ::testing::TestWithParam<std::string> {};

TEST_P(GeneratedModels, AgreeWithTheOriginal) {
  const golden::Case c = golden::load_case(GetParam());
  const testing::TempFolder scratch;
  const auto folder = golden::make_folder(c, scratch / "models");
  if (!folder.has_value()) GTEST_SKIP() << "python3 with numpy is not installed";
  check_case(c, folder->string(), Backends::fast);
}

const auto kName = [](const auto& info) { return info.param; };
INSTANTIATE_TEST_SUITE_P(Golden, CommittedModels, ::testing::ValuesIn(golden::case_names(true)),
                         kName);
INSTANTIATE_TEST_SUITE_P(Golden, GeneratedModels, ::testing::ValuesIn(golden::case_names(false)),
                         kName);

}  // namespace
}  // namespace embedtool
