// A worker's memory: what is planned is what the allocator is asked for, for every backend and
// every kind of head, and encode() asks for nothing more.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/math/gemm_backends.hpp"
#include "core/model/encoder.hpp"
#include "tests/support/allocation_counter.hpp"
#include "tests/support/memory_model.hpp"

namespace embedtool {
namespace {

using testing::aligned_allocations;
using testing::allocated_bytes;
using testing::allocations;
using testing::MemoryWeights;

constexpr std::size_t kHidden = 60;
constexpr std::size_t kVocab = 211;

/// A model in memory with a head; not movable, as specs point at weights.
struct TestModel {
  std::string name;
  ModelSpec spec;
  HeadSpec head;
  MemoryWeights weights;
  MemoryWeights head_weights;

  explicit TestModel(std::string n) : name(std::move(n)) {}
  TestModel(const TestModel&) = delete;

  void add_linear(MemoryWeights& to, const std::string& prefix, std::int64_t out, std::int64_t in) {
    to.add(prefix + ".weight", {out, in}, 0.1F, 0.0F);
    to.add(prefix + ".bias", {out}, 0.1F, 0.0F);
  }
  void add_norm(const std::string& prefix, std::int64_t size) {
    weights.add(prefix + ".weight", {size}, 0.2F, 1.0F);
    weights.add(prefix + ".bias", {size}, 0.1F, 0.0F);
  }

  void make_bert() {
    spec = testing::small_bert(kHidden);
    testing::fill_weights(spec, weights);
  }

  /// Narrow embeddings, norms before the sub-layers, rotated queries and keys, a gated FFN.
  void make_modern() {
    spec = testing::small_bert(kHidden);
    spec.embedding_size = 40;
    spec.positions = Positions::rotary;
    spec.block_norms = BlockNorms::pre;
    spec.gated = true;
    spec.names.position_embeddings.clear();
    spec.names.token_type_embeddings.clear();
    spec.names.embedding_projection = "wide";
    spec.names.ffn_gate = "layer.{}.gate";
    spec.names.final_norm = "last";
    weights.add("word", {kVocab, 40}, 1.0F, 0.0F);
    add_norm("norm", 40);
    add_linear(weights, "wide", kHidden, 40);
    for (const std::string layer : {"layer.0.", "layer.1."}) {
      for (const char* part : {"q", "k", "v", "o"}) {
        add_linear(weights, layer + part, kHidden, kHidden);
      }
      add_linear(weights, layer + "up", 100, kHidden);
      add_linear(weights, layer + "gate", 100, kHidden);
      add_linear(weights, layer + "down", kHidden, 100);
      add_norm(layer + "n1", kHidden);
      add_norm(layer + "n2", kHidden);
    }
    add_norm("last", kHidden);
  }

  void make_static() {
    spec.vocab_size = kVocab;
    spec.hidden = kHidden;
    spec.positions = Positions::none;
    spec.names.word_embeddings = "word";
    weights.add("word", {kVocab, kHidden}, 1.0F, 0.0F);
  }

  /// 60 → 150 → 300, the first with a projected residual; the second needs the most scratch memory.
  void add_dense() {
    add_linear(head_weights, "linear", 150, kHidden);
    head_weights.add("residual.weight", {150, kHidden}, 0.1F, 0.0F);
    add_linear(head_weights, "second", 300, 150);
    DenseSpec first;
    first.in = kHidden;
    first.out = 150;
    first.residual = true;
    first.weights = &head_weights;
    DenseSpec second;
    second.in = 150;
    second.out = 300;
    second.weights = &head_weights;
    second.name = "second";
    head.dense = {first, second};
  }

  void make_sparse(std::size_t kept) {
    make_bert();
    add_linear(weights, "t", 44, kHidden);
    add_norm("n", 44);
    weights.add("d", {kVocab, 44}, 0.3F, 0.0F);
    head.sparse.kind = SparseKind::vocabulary;
    head.sparse.transform = "t";
    head.sparse.norm = "n";
    head.sparse.decoder = "d";
    head.sparse.inner = 44;
    head.dims = kept;
  }

  void make_own_token() {
    make_bert();
    add_linear(head_weights, "linear", 1, kHidden);
    head.sparse.kind = SparseKind::own_token;
    head.sparse.linear.weights = &head_weights;
  }
};

std::vector<std::unique_ptr<TestModel>> all_models() {
  std::vector<std::unique_ptr<TestModel>> models;
  const auto add = [&](const char* name) -> TestModel& {
    return *models.emplace_back(std::make_unique<TestModel>(name));
  };
  add("bert").make_bert();
  add("modern").make_modern();
  TestModel& experts = add("experts");
  experts.make_bert();
  testing::add_experts(experts.spec, experts.weights);
  TestModel& chain = add("dense chain");
  chain.make_bert();
  chain.add_dense();
  TestModel& several = add("several poolings");
  several.make_bert();
  several.head.pooling = {Pooling::cls, Pooling::max};
  TestModel& multi = add("multi");
  multi.make_modern();
  multi.head.pooling = {Pooling::none};
  multi.head.skips_first = true;
  multi.add_dense();
  add("sparse").make_sparse(0);
  add("sparse, cut").make_sparse(7);
  add("own tokens").make_own_token();
  add("static").make_static();
  TestModel& deep = add("static with dense layers");
  deep.make_static();
  deep.add_dense();
  return models;
}

/// Texts of 0 to 90 tokens; those of another seed fit into the same shape.
BatchBuilder make_batch(std::uint32_t seed) {
  std::mt19937 generator(seed);
  BatchBuilder batch;
  batch.clear();
  for (const std::size_t length : {90, 1, 0, 17, 33, 64, 5}) {
    std::vector<TokenId> ids(length);
    for (TokenId& id : ids) id = static_cast<TokenId>(generator() % kVocab);
    batch.append(ids);
  }
  return batch;
}
constexpr BatchShape kShape{7, 210, 90};

class Workspaces : public ::testing::TestWithParam<const GemmBackend*> {
 protected:
  void SetUp() override {
    if (const std::string why = GetParam()->unavailable(Compute::f32); !why.empty()) {
      GTEST_SKIP() << why;
    }
    const std::size_t before = allocated_bytes();
    ::operator delete(::operator new(100));
    ASSERT_EQ(allocated_bytes(), before + 100) << "the counter does not count";
  }
  const std::vector<std::unique_ptr<TestModel>> models_ = all_models();
};

TEST_P(Workspaces, TakeWhatIsPlanned) {
  for (const auto& model : models_) {
    SCOPED_TRACE(model->name);
    const Encoder encoder(model->spec, model->head, model->weights, *GetParam());
    for (const BatchShape shape : {kShape, BatchShape{1, 1, 1}, BatchShape{64, 3000, 290}}) {
      Workspace workspace;
      RowBatch rows;
      std::size_t before = allocated_bytes();
      encoder.reserve(workspace, shape);
      const std::size_t taken = allocated_bytes() - before;
      EXPECT_EQ(taken, encoder.workspace_bytes(shape));
      EXPECT_EQ(taken, workspace.bytes());
      before = allocated_bytes();
      encoder.reserve(rows, shape);
      EXPECT_EQ(allocated_bytes() - before, encoder.result_bytes(shape));
      EXPECT_EQ(allocated_bytes() - before, rows.bytes());
    }
  }
}

TEST_P(Workspaces, AreNotGrownByEncode) {
  StageClock clock;
  for (const auto& model : models_) {
    SCOPED_TRACE(model->name);
    const Encoder encoder(model->spec, model->head, model->weights, *GetParam());
    const BatchBuilder batches[] = {make_batch(1), make_batch(2), make_batch(3)};
    Workspace others;  // what is made once in a process is made with these
    RowBatch other_rows;
    encoder.encode(batches[0].batch(), others, clock, other_rows);

    Workspace workspace;
    RowBatch rows;
    encoder.reserve(workspace, kShape);
    encoder.reserve(rows, kShape);
    const std::size_t all = allocations();
    const std::size_t aligned = aligned_allocations();
    for (const BatchBuilder& batch : batches) encoder.encode(batch.batch(), workspace, clock, rows);
    EXPECT_EQ(aligned_allocations(), aligned);
    // oneDNN allocates memory of its own in each call.
    if (GetParam()->name() != "onednn") {
      EXPECT_EQ(allocations(), all);
    }
    EXPECT_EQ(workspace.bytes(), encoder.workspace_bytes(kShape));
    EXPECT_EQ(rows.bytes(), encoder.result_bytes(kShape));
  }
}

/// A member of Workspace that no layout names would never be allocated, or not be counted.
TEST_P(Workspaces, HaveNoBufferThatNoLayoutNames) {
  std::vector<WorkspaceLayout::AnyBuffer> named;
  for (const auto& model : models_) {
    const Encoder encoder(model->spec, model->head, model->weights, *GetParam());
    const WorkspaceLayout layout = encoder.layout(kShape);
    for (const WorkspaceLayout::Entry& entry : layout.entries()) {
      if (std::count(named.begin(), named.end(), entry.buffer) == 0) named.push_back(entry.buffer);
    }
  }
  std::size_t members = sizeof(std::size_t);  // the count of bytes
  const Workspace workspace;
  for (const WorkspaceLayout::AnyBuffer& buffer : named) {
    members += std::visit([&](auto member) { return sizeof(workspace.*member); }, buffer);
  }
  EXPECT_EQ(members, sizeof(Workspace));
}

/// The heads' layers belong to the account: 2 FLOPs a weight, for each row that goes through.
TEST_P(Workspaces, FlopsCountTheHead) {
  const auto flops = [this](const char* name, double tokens, double vectors) {
    const auto model = std::find_if(models_.begin(), models_.end(),
                                    [&](const auto& m) { return m->name == name; });
    const TestModel& m = **model;
    return Encoder(m.spec, m.head, m.weights, *GetParam()).linear_flops(tokens, vectors);
  };
  const double block = 2.0 * (4 * kHidden * kHidden + 2 * kHidden * 100);
  EXPECT_EQ(flops("bert", 5, 3), 5 * 2 * block);
  EXPECT_EQ(flops("dense chain", 5, 3), 5 * 2 * block + 3 * 2.0 * (2 * kHidden * 150 + 150 * 300));
  EXPECT_EQ(flops("static", 5, 3), 0);
  EXPECT_EQ(flops("static with dense layers", 5, 3), 3 * 2.0 * (2 * kHidden * 150 + 150 * 300));
  EXPECT_EQ(flops("sparse", 5, 3), 5 * (2 * block + 2.0 * 44 * (kHidden + kVocab)));
  EXPECT_EQ(flops("own tokens", 5, 3), 5 * (2 * block + 2.0 * kHidden));
  const double gated = 2.0 * (4 * kHidden * kHidden + 3 * kHidden * 100);
  EXPECT_EQ(flops("modern", 5, 3), 5 * (2 * gated + 2.0 * 40 * kHidden));
}

INSTANTIATE_TEST_SUITE_P(All, Workspaces, ::testing::ValuesIn(gemm_backends()),
                         [](const auto& info) { return std::string(info.param->name()); });

}  // namespace
}  // namespace embedtool
