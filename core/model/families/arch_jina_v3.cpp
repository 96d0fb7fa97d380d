// Jina embeddings v3 (Sturua et al. 2024; transformers' JinaEmbeddingsV3Model and
// jinaai/xlm-roberta-flash-implementation): XLM-RoBERTa with rotary positions. Its adapters for
// tasks are changes of the weights (WeightSource::change_of()).
#include "core/model/families/arch_families.hpp"
#include "core/model/families/decoder_block.hpp"

namespace embedtool {

bool is_jina_v3(const ConfigSource& config) {
  const std::string type = config.string("model_type").value_or("");
  return type == "jina_embeddings_v3" ||
         (type == "xlm-roberta" &&
          config.string("position_embedding_type").value_or("absolute") == "rotary");
}

ModelSpec describe_jina_v3(const ConfigSource& config) {
  // Counts as read: whoever opens the weights uses it.
  config.strings("lora_adaptations");
  const bool native = config.string("model_type") == "jina_embeddings_v3";
  ModelSpec spec = describe_bert_like(config, native ? "absolute" : "rotary");
  if (native && !config.has("layer_norm_eps")) spec.norm_eps = 1e-5F;
  if (config.has("rotary_emb_base")) {
    spec.rotary.base = config.number("rotary_emb_base").value_or(10000.0);
  } else {
    set_rope(spec, config, "", native ? 20000.0 : 10000.0);
  }
  spec.positions = Positions::rotary;
  const std::string layer = "encoder.layers.{}.";
  spec.names.position_embeddings.clear();
  spec.names.embedding_norm = "emb_ln";
  spec.names.query = layer + "mixer.Wqkv";
  spec.names.key.clear();
  spec.names.value.clear();
  spec.names.attention_output = layer + "mixer.out_proj";
  spec.names.attention_norm = layer + "norm1";
  spec.names.ffn_up = layer + "mlp.fc1";
  spec.names.ffn_down = layer + "mlp.fc2";
  spec.names.ffn_norm = layer + "norm2";
  spec.prefixes = {"roberta.", "model."};
  return spec;
}

}  // namespace embedtool
