#include "formats/model/model_unused.hpp"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string_view>

#include "core/base/human.hpp"

namespace embedtool {
namespace {

std::set<std::string, std::less<>> used_names(const ModelSpec& spec, const HeadSpec& head,
                                              const WeightSource& weights) {
  std::set<std::string, std::less<>> used;
  for_each_tensor(spec, head, weights, [&](const std::string& name, TensorForm form) {
    if (form == TensorForm::tensor) {
      used.insert(name);
      return;
    }
    for (const char* part :
         {"weight", "bias", "gamma", "beta", "weight_scale", "weight_scale_inv"}) {
      used.insert(name.empty() ? part : fmt::format("{}.{}", name, part));
    }
  });
  return used;
}

std::string_view without_prefix(std::string_view name, const ModelSpec& spec) {
  for (const std::string& prefix : spec.prefixes) {
    if (!prefix.empty() && name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

}  // namespace

std::vector<std::string> unused_tensors(const ModelSpec& spec, const HeadSpec& head,
                                        const WeightSource& weights) {
  const auto used = used_names(spec, head, weights);
  std::map<std::string, std::size_t> counts;
  for (const std::string_view stored : weights.names()) {
    const std::string_view name = without_prefix(stored, spec);
    if (used.count(name) > 0 || used.count(stored) > 0 || name.ends_with("position_ids")) continue;
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
