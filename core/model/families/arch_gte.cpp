// GTE and Stella's "new" (Zhang et al. 2024; Alibaba-NLP/new-impl), which Snowflake's models and
// transformers' GteModel call "gte": post-norm blocks with rotary positions and a gated FFN.
#include <cmath>

#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"

namespace embedtool {
namespace {

// NTK-aware scaling, under either key: a larger base, and all angles divided by factor^(2/d).
void read_rotary(const ConfigSource& config, ModelSpec& spec) {
  const auto base = config.number("rope_theta");
  const bool native = config.string("model_type").value_or("") == "gte";
  spec.rotary.base = config.number("rope_parameters.rope_theta")
                         .value_or(base.value_or(native ? 160000.0 : 10000.0));
  const std::string path = config.has("rope_parameters.factor") || !config.has("rope_scaling")
                               ? "rope_parameters"
                               : "rope_scaling";
  const std::string type = config.string(path + ".rope_type")
                               .value_or(config.string(path + ".type").value_or("default"));
  if (type == "default") return;
  if (type != "ntk" || config.has(path + ".mixed_b")) {
    throw Error(ExitCode::model, "{} of type \"{}\" is not supported (ntk without mixed_b is)",
                path, type);
  }
  const double factor = config.number(path + ".factor").value_or(1.0);
  if (!(factor >= 1.0) || !std::isfinite(factor)) {
    throw Error(ExitCode::model, "{}.factor should be a number from 1", path);
  }
  spec.rotary.base *= factor;
  spec.rotary.divisor = std::pow(factor, 2.0 / static_cast<double>(spec.head_dim()));
}

}  // namespace

bool is_gte(const ConfigSource& config) {
  const std::string type = config.string("model_type").value_or("");
  return type == "new" || type == "gte";
}

ModelSpec describe_gte(const ConfigSource& config) {
  ModelSpec spec = describe_bert_like(config, "rope");
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
  spec.prefixes = {"new.", "gte.", "model."};
  return spec;
}

}  // namespace embedtool
