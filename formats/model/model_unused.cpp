#include "formats/model/model_unused.hpp"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <string_view>

#include "core/base/human.hpp"

namespace embedtool {
namespace {

using Uses = std::map<std::string, TensorUse, std::less<>>;

Uses uses_of(const ModelSpec& spec, const HeadSpec& head, const WeightSource& weights) {
  Uses uses;
  for_each_tensor(spec, head, weights, [&](const std::string& name, TensorForm form) {
    if (form == TensorForm::tensor) {
      uses[name] = TensorUse::tensor;
      return;
    }
    for (const char* part :
         {"weight", "bias", "gamma", "beta", "weight_scale", "weight_scale_inv"}) {
      uses.emplace(name.empty() ? part : fmt::format("{}.{}", name, part), TensorUse::layer);
    }
  });
  return uses;
}

std::string_view without_prefix(std::string_view name, const ModelSpec& spec) {
  for (const std::string& prefix : spec.prefixes) {
    if (!prefix.empty() && name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

TensorUse use_in(const Uses& uses, std::string_view stored, const ModelSpec& spec) {
  for (const std::string_view name : {stored, without_prefix(stored, spec)}) {
    if (const auto found = uses.find(name); found != uses.end()) return found->second;
  }
  return TensorUse::none;
}

}  // namespace

TensorUse tensor_use(std::string_view name, const ModelSpec& spec, const HeadSpec& head,
                     const WeightSource& weights) {
  return use_in(uses_of(spec, head, weights), name, spec);
}

std::vector<std::string> unused_tensors(const ModelSpec& spec, const HeadSpec& head,
                                        const WeightSource& weights) {
  const Uses uses = uses_of(spec, head, weights);
  std::map<std::string, std::size_t> counts;
  for (const std::string_view stored : weights.names()) {
    if (use_in(uses, stored, spec) != TensorUse::none || stored.ends_with("position_ids")) continue;
    const std::string_view name = without_prefix(stored, spec);
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
