// MPNet (Song et al. 2020; transformers' MPNetModel): BERT's blocks under other names, with a bias
// of attention by bucketed distance beside learned positions that start behind the padding id.
#include "core/model/families/arch_families.hpp"

namespace embedtool {

bool is_mpnet(const ConfigSource& config) {
  return config.string("model_type").value_or("") == "mpnet";
}

ModelSpec describe_mpnet(const ConfigSource& config) {
  ModelSpec spec = describe_bert(config);
  constexpr std::size_t kPaddingId = 1;  // MPNetEmbeddings fixes it
  spec.position_offset = kPaddingId + 1;
  if (spec.max_positions > spec.position_offset) spec.max_positions -= spec.position_offset;
  spec.relative_bias = true;
  const std::string layer = "encoder.layer.{}.";
  spec.names.token_type_embeddings.clear();
  spec.names.query = layer + "attention.attn.q";
  spec.names.key = layer + "attention.attn.k";
  spec.names.value = layer + "attention.attn.v";
  spec.names.attention_output = layer + "attention.attn.o";
  spec.names.attention_norm = layer + "attention.LayerNorm";
  spec.names.relative_bias = "encoder.relative_attention_bias.weight";
  spec.prefixes = {"mpnet.", "model."};
  return spec;
}

}  // namespace embedtool
