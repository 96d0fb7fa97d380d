// Adapters for tasks: whose change is in force, and what is refused.
#include "formats/model/model_tasks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/model/embedding_table.hpp"
#include "core/model/weights.hpp"
#include "formats/weights/safetensors.hpp"
#include "tests/unit/loader_cases.hpp"

namespace embedtool {
namespace {

using ::testing::HasSubstr;
using testing::seeded_tensor;
using testing::TestTensor;
using ::testing::UnorderedElementsAre;

constexpr std::int64_t kTasks = 2;

/// A linear layer of 3 outputs and 4 inputs and a table of 5 rows, each with adapters of rank 2.
std::vector<TestTensor> tensors() {
  const std::string linear = "a.parametrizations.weight.";
  const std::string table = "t.parametrizations.weight.";
  return {seeded_tensor(linear + "original", {3, 4}),
          seeded_tensor(linear + "0.lora_A", {kTasks, 2, 4}),
          seeded_tensor(linear + "0.lora_B", {kTasks, 3, 2}),
          seeded_tensor(table + "original", {5, 4}),
          seeded_tensor(table + "0.lora_A", {kTasks, 5, 2}),
          seeded_tensor(table + "0.lora_B", {kTasks, 2, 4}),
          seeded_tensor("a.bias", {3})};
}

/// A file in memory, and its tensors.
struct TaskCase {
  std::string file;
  std::unique_ptr<TaskWeights> weights;

  explicit TaskCase(const std::vector<TestTensor>& stored)
      : file(testing::safetensors_file(stored)) {
    auto base = std::make_unique<SafetensorsWeights>("file");
    base->add_file(std::as_bytes(std::span(file)), "file");
    weights = std::make_unique<TaskWeights>(std::move(base), kTasks, 3.0);
  }
};

std::string error_with(const std::function<void(std::vector<TestTensor>&)>& change) {
  std::vector<TestTensor> stored = tensors();
  change(stored);
  try {
    const TaskCase c(stored);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::model);
    return error.what();
  }
  return "no error";
}

const float* floats(const TestTensor& tensor) {
  return reinterpret_cast<const float*>(tensor.bytes.data());
}

TEST(TaskWeights, AreCalledAsWithoutAdapters) {
  const TaskCase c(tensors());
  EXPECT_THAT(c.weights->names(), UnorderedElementsAre("a.bias", "a.weight", "t.weight"));
  ASSERT_NE(c.weights->find("a.weight"), nullptr);
  EXPECT_EQ(c.weights->find("a.weight")->shape, (std::vector<std::int64_t>{3, 4}));
  EXPECT_EQ(c.weights->change_of(*c.weights->find("a.weight")), nullptr);
}

TEST(TaskWeights, AddTheChosenTasksProduct) {
  const std::vector<TestTensor> stored = tensors();
  const TaskCase c(stored);
  for (const std::size_t task : {std::size_t{1}, std::size_t{0}}) {
    c.weights->choose(task);
    std::vector<float> got(12);
    WeightReader(*c.weights, {}).matrix("a", 3, 4, got.data());
    const float* a = floats(stored[1]) + task * 8;
    const float* b = floats(stored[2]) + task * 6;
    for (std::size_t o = 0; o < 3; ++o) {
      for (std::size_t i = 0; i < 4; ++i) {
        const float change = 1.5F * (b[o * 2] * a[i] + b[o * 2 + 1] * a[4 + i]);
        EXPECT_NEAR(got[o * 4 + i], floats(stored[0])[o * 4 + i] + change, 1e-6);
      }
    }
  }
}

TEST(TaskWeights, ChangeRowsOfATableAsTheyAreGathered) {
  const std::vector<TestTensor> stored = tensors();
  const TaskCase c(stored);
  c.weights->choose(1);
  ModelSpec spec;
  spec.vocab_size = 5;
  spec.hidden = 4;
  spec.positions = Positions::none;
  spec.names.word_embeddings = "t.weight";
  const EmbeddingTable table(spec, *c.weights);
  const float* a = floats(stored[4]) + 10;
  const float* b = floats(stored[5]) + 8;
  std::vector<float> got(4);
  for (TokenId id = 0; id < 5; ++id) {
    table.gather(id, got.data());
    for (std::size_t i = 0; i < 4; ++i) {
      const auto row = static_cast<std::size_t>(id);
      const float change = 1.5F * (a[row * 2] * b[i] + a[row * 2 + 1] * b[4 + i]);
      EXPECT_NEAR(got[i], floats(stored[3])[row * 4 + i] + change, 1e-6);
    }
  }
}

TEST(TaskWeights, NameWhatDoesNotFit) {
  const std::string a = "a.parametrizations.weight.0.lora_A";
  EXPECT_THAT(error_with([](auto& t) { t.erase(t.begin() + 1); }), HasSubstr(a + ": is missing"));
  EXPECT_THAT(error_with([&](auto& t) {
                t[1] = seeded_tensor(a, {3, 2, 4});
              }),
              HasSubstr(a + ": its shape [3, 2, 4] and the [2, 3, 2] of 0.lora_B"));
  EXPECT_THAT(error_with([&](auto& t) {
                t[1] = seeded_tensor(a, {2, 0, 4});
              }),
              HasSubstr("do not fit 2 adapters of [3, 4]"));
  EXPECT_THAT(error_with([&](auto& t) { t[1] = seeded_tensor(a, {16}); }), HasSubstr("[16]"));
  EXPECT_THAT(error_with([](auto& t) {
                t.push_back(seeded_tensor("a.parametrizations.weight.1.lora_A", {1}));
              }),
              HasSubstr("a.parametrizations.weight.1.lora_A: neither original, 0.lora_A nor"));
}

TEST(QueryTask, IsTheOtherOfAPair) {
  const std::vector<std::string> tasks{"retrieval.query", "retrieval.passage", "a.passage", "b"};
  EXPECT_EQ(query_task("retrieval.passage", tasks), "retrieval.query");
  EXPECT_EQ(query_task("retrieval.query", tasks), "retrieval.query");
  EXPECT_EQ(query_task("a.passage", tasks), "a.passage");
  EXPECT_EQ(query_task("b", tasks), "b");
  EXPECT_EQ(query_task("", tasks), "");
}

}  // namespace
}  // namespace embedtool
