// Any adapter over a good model: an error, or changes that fit their matrices. The input's first
// line is adapter_config.json, the rest is adapter_model.safetensors.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.hpp"
#include "core/model/weights.hpp"
#include "formats/model/model_adapter.hpp"
#include "formats/weights/safetensors.hpp"
#include "tests/support/model_folder.hpp"

namespace {

using namespace embedtool;

std::unique_ptr<SafetensorsWeights> open_weights(std::span<const std::byte> bytes) {
  auto weights = std::make_unique<SafetensorsWeights>("fuzz");
  weights->add_file(bytes, "fuzz");
  return weights;
}

void check(std::string_view settings, std::string_view tensors) {
  static const std::string base = testing::safetensors_file(testing::bert_tensors({.layers = 1}));
  std::vector<std::string> notes;
  const AdapterSettings adapter = read_adapter(JsonConfig::parse(settings, "fuzz"), notes);
  const LoraWeights weights(open_weights(testing::as_bytes(base)),
                            open_weights(testing::as_bytes(tensors)), adapter.scaling, {"bert."});
  for (const std::string& name : weights.changed()) {
    const TensorView* tensor = weights.find(name);
    if (tensor == nullptr || weights.change_of(*tensor) == nullptr) std::abort();
    std::vector<float> values(static_cast<std::size_t>(tensor->elements()));
    const std::string layer = name.substr(0, name.size() - std::string_view(".weight").size());
    WeightReader(weights, {})
        .matrix(layer, static_cast<std::size_t>(tensor->shape[0]),
                static_cast<std::size_t>(tensor->shape[1]), values.data());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  try {
    check(input.substr(0, end), input.substr(std::min(end + 1, input.size())));
  } catch (const Error&) {
    return 0;
  }
  return 0;
}
