// A model with an adapter for each task, as Jina embeddings v3 is published, against transformers'
// model with each adapter added to its weights (makers/make_golden_tasks.py).
#include <gtest/gtest.h>

#include <string>

#include "formats/model/load_model.hpp"
#include "tests/golden/golden_checks.hpp"

namespace embedtool {
namespace {

class Tasks : public ::testing::TestWithParam<const char*> {};

TEST_P(Tasks, AgreeWithTheOriginal) {
  const std::string task = GetParam();
  const golden::Case c = golden::load_case("../tasks/" + task);
  LoadedModel model = load_model((golden::data_folder() / "../tasks/model").string());
  if (task != "none") choose_task(model, task);
  golden::expect_on_every_backend(model.spec, model.head, *model.weights, c.items);
}

INSTANTIATE_TEST_SUITE_P(Golden, Tasks,
                         ::testing::Values("none", "retrieval.query", "retrieval.passage",
                                           "text-matching"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) {
                             if (c == '.' || c == '-') c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace embedtool
