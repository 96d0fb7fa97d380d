// NomicBERT (Nussbaum et al. 2024; nomic-ai/nomic-bert-2048 and transformers' NomicBertModel):
// post-norm blocks with rotary positions and a gated FFN, or one of several experts in every n-th
// layer (nomic-embed-text-v2-moe, Nussbaum and Duderstadt 2025). Configurations have GPT-2's keys,
// or, from transformers 5 on, BERT's.
#include <algorithm>
#include <optional>

#include "core/base/error.hpp"
#include "core/model/families/arch_families.hpp"
#include "core/model/families/rope.hpp"

namespace embedtool {
namespace {

std::size_t size_of_either(const ConfigSource& config, const char* old_key, const char* new_key) {
  return required_size(config, config.has(old_key) ? old_key : new_key);
}

std::optional<Activation> gate_activation(const std::string& name) {
  if (name == "swiglu") return Activation::silu;
  if (name == "geglu") return Activation::gelu;
  if (name == "glu") return Activation::sigmoid;
  return std::nullopt;
}

[[noreturn]] void refuse(const char* what) {
  throw Error(ExitCode::model, "a NomicBERT with {} is not supported", what);
}

void refuse_other_shapes(const ConfigSource& config) {
  if (config.boolean("prenorm").value_or(false)) refuse("\"prenorm\"");
  if (config.boolean("use_rms_norm").value_or(false)) refuse("\"use_rms_norm\"");
}

// Every n-th layer, from the second on, has experts.
void describe_experts(const ConfigSource& config, ModelSpec& spec) {
  const std::int64_t every = config.integer("moe_every_n_layers").value_or(0);
  const std::int64_t count = config.integer("num_experts").value_or(0);
  if (every <= 1 || count <= 0 || spec.layers > kMaxLayers) return;
  if (spec.gated) refuse("gated experts");
  const std::int64_t chosen = config.integer("moe_top_k").value_or(1);
  if (chosen < 1 || chosen > count) {
    throw Error(ExitCode::model, "\"moe_top_k\" is {}, of {} experts", chosen, count);
  }
  spec.experts.count = static_cast<std::size_t>(count);
  spec.experts.chosen = static_cast<std::size_t>(chosen);
  spec.experts.down_by_input = true;
  spec.experts.layers.resize(spec.layers);
  for (std::size_t i = 1; i < spec.layers; i += static_cast<std::size_t>(every)) {
    spec.experts.layers[i] = 1;
  }
  const std::string layer = "encoder.layers.{}.mlp.";
  spec.names.router = layer + "router.layer";
  spec.names.experts_up = layer + "experts.mlp.w1";
  spec.names.experts_down = layer + "experts.mlp.w2";
  spec.names.experts_bias = layer + "experts.bias";
}

// A gate is named by its activation; without one the layers are called otherwise.
void describe_feed_forward(const ConfigSource& config, ModelSpec& spec) {
  const std::string activation = config.string("activation_function").value_or("swiglu");
  const std::string layer = "encoder.layers.{}.mlp.";
  spec.names.ffn_down = layer + "fc2";
  if (const auto gate = gate_activation(activation)) {
    spec.gated = true;
    spec.activation = *gate;
    spec.names.ffn_gate = layer + "fc12";
    spec.names.ffn_up = layer + "fc11";
  } else {
    spec.activation = parse_activation(activation, "activation_function");
    spec.names.ffn_up = layer + "fc1";
  }
}

// Beyond the trained length the original turns its angles by the text's length (dynamic NTK), which
// no table of angles holds.
void limit_length(const ConfigSource& config, ModelSpec& spec) {
  const auto trained = config.integer("max_trained_positions");
  const bool stretches = config.number("rotary_scaling_factor").value_or(0.0) != 0.0;
  if (stretches && trained.has_value() && *trained > 0) {
    spec.max_positions = std::min(spec.max_positions, static_cast<std::size_t>(*trained));
  }
}

}  // namespace

bool is_nomic(const ConfigSource& config) {
  return config.string("model_type").value_or("") == "nomic_bert";
}

ModelSpec describe_nomic(const ConfigSource& config) {
  refuse_other_shapes(config);
  ModelSpec spec;
  spec.family = "nomic_bert";
  spec.vocab_size = required_size(config, "vocab_size");
  spec.hidden = size_of_either(config, "n_embd", "hidden_size");
  spec.layers = size_of_either(config, "n_layer", "num_hidden_layers");
  spec.heads = size_of_either(config, "n_head", "num_attention_heads");
  spec.ffn = size_of_either(config, "n_inner", "intermediate_size");
  spec.max_positions = size_of_either(config, "n_positions", "max_position_embeddings");
  spec.positions = Positions::rotary;
  if (config.has("rotary_emb_scale_base")) {
    throw Error(ExitCode::model, "\"rotary_emb_scale_base\" is not supported");
  }
  spec.rotary.interleaved = config.boolean("rotary_emb_interleaved").value_or(false);
  const double fraction = config.number("rotary_emb_fraction").value_or(1.0);
  spec.rotary.dims = static_cast<std::size_t>(fraction * static_cast<double>(spec.head_dim()));
  if (spec.rotary.dims == 0) spec.positions = Positions::none;
  const RopeAngles angles = read_rope(config, {.theta = "rotary_emb_base",
                                               .usual_base = 1000.0,
                                               .dims = spec.rotary.dims,
                                               .trained = spec.max_positions});
  spec.rotary.base = angles.base;
  spec.rotary.steps = angles.steps;
  spec.rotary.magnitude = angles.magnitude;
  limit_length(config, spec);
  spec.norm_eps =
      static_cast<float>(config.number("layer_norm_epsilon")
                             .value_or(config.number("layer_norm_eps").value_or(1e-12)));
  const std::string layer = "encoder.layers.{}.";
  spec.names.word_embeddings = "embeddings.word_embeddings.weight";
  spec.names.token_type_embeddings = "embeddings.token_type_embeddings.weight";
  spec.names.embedding_norm = "emb_ln";
  spec.names.query = layer + "attn.Wqkv";
  spec.names.attention_output = layer + "attn.out_proj";
  spec.names.attention_norm = layer + "norm1";
  spec.names.ffn_norm = layer + "norm2";
  describe_feed_forward(config, spec);
  describe_experts(config, spec);
  spec.prefixes = {"bert.", "model."};
  return spec;
}

}  // namespace embedtool
