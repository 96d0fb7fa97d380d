// LoRA adapters as PEFT saves them, over models of tests/golden/data, against what transformers
// makes of the same folders (makers/make_golden_adapters.py).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "formats/model/load_model.hpp"
#include "tests/golden/golden_checks.hpp"
#include "tests/support/temp_folder.hpp"

namespace embedtool {
namespace {

namespace fs = std::filesystem;

/// A copy of the adapter's folder that names its base model by path.
std::string place(const golden::Case& c, const testing::TempFolder& scratch) {
  const fs::path folder = scratch / "adapter";
  fs::copy(c.model(), folder, fs::copy_options::recursive);
  const fs::path file = folder / "adapter_config.json";
  nlohmann::json settings;
  std::ifstream(file) >> settings;
  const auto base = settings["base_model_name_or_path"].get<std::string>();
  settings["base_model_name_or_path"] = golden::load_case(base).model().string();
  std::ofstream(file) << settings;
  return folder;
}

class Adapters : public ::testing::TestWithParam<const char*> {};

TEST_P(Adapters, AgreeWithTheOriginal) {
  const golden::Case c = golden::load_case(std::string("../adapters/") + GetParam());
  const testing::TempFolder scratch;
  const LoadedModel model = load_model(place(c, scratch));
  HeadSpec head;
  head.pooling = {Pooling::mean};
  golden::expect_on_every_backend(model.spec, head, *model.weights, c.items);
}

INSTANTIATE_TEST_SUITE_P(Golden, Adapters,
                         ::testing::Values("bert", "distilbert", "qwen3", "tables"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace embedtool
