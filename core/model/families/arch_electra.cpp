// ELECTRA (Clark et al. 2020; transformers' ElectraModel): BERT, whose embeddings may be narrower.
#include "core/model/families/arch_families.hpp"

namespace embedtool {

bool is_electra(const ConfigSource& config) {
  return config.string("model_type").value_or("") == "electra";
}

ModelSpec describe_electra(const ConfigSource& config) {
  ModelSpec spec = describe_bert(config);
  const std::size_t width = required_size(config, "embedding_size");
  if (width != spec.hidden) {
    spec.embedding_size = width;
    spec.names.embedding_projection = "embeddings_project";
  }
  spec.prefixes = {"electra.", "model."};
  return spec;
}

}  // namespace embedtool
