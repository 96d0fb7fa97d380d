// BERT (Devlin et al. 2018; transformers' BertModel): learned positions, post-norm blocks.
#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"

namespace embedtool {

bool is_bert(const ConfigSource& config) {
  // JinaBERT calls itself "bert" too, but brings code of its own and ALiBi instead of positions.
  return config.string("model_type").value_or("") == "bert" && !is_jina(config);
}

ModelSpec describe_bert(const ConfigSource& config) {
  return describe_bert_like(config, "absolute");
}

ModelSpec describe_bert_like(const ConfigSource& config, std::string_view usual_positions) {
  if (config.boolean("is_decoder").value_or(false)) {
    throw Error(ExitCode::model,
                "the configuration says \"is_decoder\": only bidirectional encoders are supported");
  }
  const std::string positions =
      config.string("position_embedding_type").value_or(std::string(usual_positions));
  if (positions != usual_positions) {
    throw Error(ExitCode::model,
                "\"position_embedding_type\": \"{}\" is not supported for this model type; "
                "\"{}\" is",
                positions, usual_positions);
  }
  ModelSpec spec;
  spec.family = config.string("model_type").value_or("bert");
  read_sizes(config, spec);
  spec.activation = parse_activation(config.string("hidden_act").value_or("gelu"), "hidden_act");
  spec.norm_eps = static_cast<float>(config.number("layer_norm_eps").value_or(1e-12));
  const std::string layer = "encoder.layer.{}.";
  spec.names.word_embeddings = "embeddings.word_embeddings.weight";
  spec.names.position_embeddings = "embeddings.position_embeddings.weight";
  spec.names.token_type_embeddings = "embeddings.token_type_embeddings.weight";
  spec.names.embedding_norm = "embeddings.LayerNorm";
  spec.names.query = layer + "attention.self.query";
  spec.names.key = layer + "attention.self.key";
  spec.names.value = layer + "attention.self.value";
  spec.names.attention_output = layer + "attention.output.dense";
  spec.names.attention_norm = layer + "attention.output.LayerNorm";
  spec.names.ffn_up = layer + "intermediate.dense";
  spec.names.ffn_down = layer + "output.dense";
  spec.names.ffn_norm = layer + "output.LayerNorm";
  spec.prefixes = {"bert.", "model."};
  return spec;
}

}  // namespace embedtool
