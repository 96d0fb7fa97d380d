#include "formats/model/model_unused.hpp"

#include <fmt/core.h>

#include <map>
#include <string_view>

#include "core/base/human.hpp"
#include "core/model/weights.hpp"

namespace embedtool {
TensorUses::TensorUses(const ModelSpec& spec, const HeadSpec& head, const WeightSource& weights)
    : spec_(spec) {
  for_each_tensor(spec, head, weights, [&](const std::string& name, TensorForm form) {
    if (form == TensorForm::tensor) {
      uses_[name] = TensorUse::tensor;
      return;
    }
    for (const char* part :
         {"weight", "bias", "gamma", "beta", "weight_scale", "weight_scale_inv"}) {
      uses_.emplace(name.empty() ? part : fmt::format("{}.{}", name, part), TensorUse::layer);
    }
  });
}

TensorUse TensorUses::of(std::string_view stored) const {
  for (const std::string_view name : {stored, without_prefix(stored, spec_.prefixes)}) {
    if (const auto found = uses_.find(name); found != uses_.end()) return found->second;
  }
  return TensorUse::none;
}

std::vector<std::string> unused_tensors(const ModelSpec& spec, const HeadSpec& head,
                                        const WeightSource& weights) {
  const TensorUses uses(spec, head, weights);
  std::map<std::string, std::size_t> counts;
  for (const std::string_view stored : weights.names()) {
    if (uses.of(stored) != TensorUse::none || stored.ends_with("position_ids")) continue;
    const std::string_view name = without_prefix(stored, spec.prefixes);
    ++counts[std::string(name.substr(0, name.find('.')))];
  }
  std::vector<std::string> out;
  out.reserve(counts.size());
  for (const auto& [group, count] : counts) {
    out.push_back(fmt::format("{} ({})", group, human_count(count, "tensor")));
  }
  return out;
}

}  // namespace embedtool
