#include "formats/model/model_unused.hpp"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string_view>

namespace embedtool {
namespace {

// "encoder.layer.{}.x" → one name for each layer; other names stand for themselves.
std::vector<std::string> for_each_layer(const std::string& name, std::size_t layers) {
  const std::size_t at = name.find("{}");
  if (at == std::string::npos) return {name};
  std::vector<std::string> out;
  out.reserve(layers);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    out.push_back(fmt::format("{}{}{}", name.substr(0, at), layer, name.substr(at + 2)));
  }
  return out;
}

std::set<std::string, std::less<>> used_names(const ModelSpec& spec, const HeadSpec& head) {
  const TensorNames& names = spec.names;
  std::set<std::string, std::less<>> used{names.word_embeddings,       names.position_embeddings,
                                          names.token_type_embeddings, names.token_weights,
                                          names.token_mapping,         names.relative_bias,
                                          head.sparse.decoder,         head.sparse.decoder_bias};
  for (const std::string* prefix :
       {&names.embedding_norm, &names.embedding_projection, &names.query, &names.key, &names.value,
        &names.query_norm, &names.key_norm, &names.attention_output, &names.attention_norm,
        &names.attention_post_norm, &names.ffn_up, &names.ffn_gate, &names.ffn_down,
        &names.ffn_norm, &names.ffn_post_norm, &names.final_norm, &head.sparse.transform,
        &head.sparse.norm}) {
    if (prefix->empty()) continue;
    for (const std::string& name : for_each_layer(*prefix, spec.layers)) {
      for (const char* part :
           {"weight", "bias", "gamma", "beta", "weight_scale", "weight_scale_inv"}) {
        used.insert(fmt::format("{}.{}", name, part));
      }
    }
  }
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
  const auto used = used_names(spec, head);
  std::map<std::string, std::size_t> counts;
  for (const std::string_view stored : weights.names()) {
    const std::string_view name = without_prefix(stored, spec);
    if (used.count(name) > 0 || used.count(stored) > 0 || name.ends_with("position_ids")) continue;
    ++counts[std::string(name.substr(0, name.find('.')))];
  }
  std::vector<std::string> out;
  out.reserve(counts.size());
  for (const auto& [group, count] : counts) {
    out.push_back(fmt::format("{} ({} tensor{})", group, count, count == 1 ? "" : "s"));
  }
  return out;
}

}  // namespace embedtool
