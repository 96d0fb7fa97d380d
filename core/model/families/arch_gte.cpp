// GTE and Stella's "new" (Zhang et al. 2024; Alibaba-NLP/new-impl): post-norm blocks with rotary
// positions and a gated FFN.
#include <cmath>

#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"

namespace embedtool {
namespace {

// NTK-aware scaling: a larger base, and all angles divided by factor^(2/d).
void read_rotary(const ConfigSource& config, ModelSpec& spec) {
  const auto base = config.number("rope_theta");
  spec.rotary.base = base.value_or(config.number("rope_parameters.rope_theta").value_or(10000.0));
  if (!config.has("rope_scaling")) return;
  const std::string type = config.string("rope_scaling.type")
                               .value_or(config.string("rope_scaling.rope_type").value_or(""));
  if (type != "ntk" || config.has("rope_scaling.mixed_b")) {
    throw Error(ExitCode::model, "rope_scaling of type \"{}\" is not supported", type);
  }
  const double factor = config.number("rope_scaling.factor").value_or(1.0);
  spec.rotary.base *= factor;
  spec.rotary.divisor = std::pow(factor, 2.0 / static_cast<double>(spec.head_dim()));
}

}  // namespace

bool is_gte(const ConfigSource& config) {
  return config.string("model_type").value_or("") == "new";
}

ModelSpec describe_gte(const ConfigSource& config) {
  ModelSpec spec = describe_bert(config);
  spec.family = "new";
  const std::string positions = config.string("position_embedding_type").value_or("rope");
  if (positions != "rope") {
    throw Error(ExitCode::model, "position_embedding_type \"{}\" is not supported", positions);
  }
  if (config.string("layer_norm_type").value_or("layer_norm") != "layer_norm" ||
      config.boolean("logn_attention_scale").value_or(false)) {
    throw Error(ExitCode::model,
                "only the usual layer_norm_type and logn_attention_scale are supported");
  }
  spec.positions = Positions::rotary;
  read_rotary(config, spec);
  spec.gated = true;
  spec.gate_second = true;
  const std::string layer = "encoder.layer.{}.";
  spec.names.position_embeddings.clear();
  spec.names.query = layer + "attention.qkv_proj";
  spec.names.key.clear();
  spec.names.value.clear();
  spec.names.attention_output = layer + "attention.o_proj";
  spec.names.attention_norm = layer + "attn_ln";
  spec.names.ffn_up = layer + "mlp.up_gate_proj";
  spec.names.ffn_down = layer + "mlp.down_proj";
  spec.names.ffn_norm = layer + "mlp_ln";
  spec.prefixes = {"new.", "model."};
  return spec;
}

}  // namespace embedtool
