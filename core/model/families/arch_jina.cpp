// JinaBERT v2 (Guenther et al. 2023; jinaai/jina-bert-implementation and, for code,
// jina-bert-v2-qk-post-norm): BERT with ALiBi instead of positions and a gated FFN. Both call
// themselves "bert".
#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"

namespace embedtool {
namespace {

// The variant for code norms queries and keys, and activates the other half of the FFN.
bool is_code_variant(const ConfigSource& config) {
  for (const char* key : {"_name_or_path", "auto_map.AutoModel"}) {
    const std::string name = config.string(key).value_or("");
    if (name.find("qk-post-norm") != std::string::npos) return true;
  }
  return false;
}

}  // namespace

bool is_jina(const ConfigSource& config) {
  return config.string("model_type").value_or("") == "bert" &&
         config.string("position_embedding_type").value_or("absolute") == "alibi";
}

ModelSpec describe_jina(const ConfigSource& config) {
  ModelSpec spec = describe_bert_like(config, "alibi");
  const std::string kind = config.string("feed_forward_type").value_or("geglu");
  const bool code = is_code_variant(config);
  if (kind != "geglu" && kind != "reglu") {
    throw Error(ExitCode::model, "feed_forward_type \"{}\" is not supported", kind);
  }
  spec.family = code ? "jina-bert-code" : "jina-bert";
  spec.positions = Positions::alibi;
  spec.gated = true;
  spec.activation = kind == "reglu" ? Activation::relu : Activation::gelu;
  const std::string layer = "encoder.layer.{}.";
  spec.names.position_embeddings.clear();
  spec.names.ffn_up = layer + (code ? "mlp.up_gated_layer" : "mlp.gated_layers");
  spec.names.ffn_down = layer + (code ? "mlp.down_layer" : "mlp.wo");
  spec.names.ffn_norm = layer + (code ? "layer_norm_2" : "mlp.layernorm");
  if (code) {
    spec.gate_second = true;
    spec.norms_whole_query = true;
    spec.names.query_norm = layer + "attention.self.layer_norm_q";
    spec.names.key_norm = layer + "attention.self.layer_norm_k";
    // Norms the sum with the input twice: in the attention and behind it.
    spec.names.attention_post_norm = layer + "attention.output.LayerNorm";
    spec.names.attention_norm = layer + "layer_norm_1";
  }
  return spec;
}

}  // namespace embedtool
