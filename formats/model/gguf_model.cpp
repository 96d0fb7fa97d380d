// A GGUF file's metadata in the words of the original's config.json, so that a family is described
// in one place (arch_*.cpp); what conversion changed is put right afterwards: llama.cpp's tensor
// names, RoBERTa's position table without its first rows, Gemma's norms with 1 added.
#include "formats/model/gguf_model.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "core/base/error.hpp"
#include "core/model/families/arch.hpp"
#include "formats/io/json_document.hpp"

namespace embedtool {
namespace {

using nlohmann::json;

// A file's keys below its architecture's name, and its tensors.
class Facts {
 public:
  explicit Facts(const GgufFile& file)
      : file_(file), architecture_(file.text("general.architecture").value_or("")) {}

  const GgufFile& file() const { return file_; }
  const std::string& architecture() const { return architecture_; }
  std::string key(const char* name) const { return architecture_ + "." + name; }
  bool has(const char* tensor) const { return shape_of(tensor) != nullptr; }

  const std::vector<std::int64_t>* shape_of(const char* tensor) const {
    const TensorView* view = file_.find(tensor);
    return view == nullptr ? nullptr : &view->shape;
  }
  /// Copies a key into the configuration where the file has it.
  void copy_integer(const char* name, json& config, const char* member) const {
    if (const auto value = file_.integer(key(name))) config[member] = *value;
  }
  void copy_number(const char* name, json& config, const char* member) const {
    if (const auto value = file_.number(key(name))) config[member] = *value;
  }

 private:
  const GgufFile& file_;
  std::string architecture_;
};

void copy_sizes(const Facts& facts, json& config) {
  facts.copy_integer("embedding_length", config, "hidden_size");
  facts.copy_integer("block_count", config, "num_hidden_layers");
  facts.copy_integer("attention.head_count", config, "num_attention_heads");
  facts.copy_integer("attention.head_count_kv", config, "num_key_value_heads");
  facts.copy_integer("attention.key_length", config, "head_dim");
  facts.copy_integer("feed_forward_length", config, "intermediate_size");
  facts.copy_integer("context_length", config, "max_position_embeddings");
  for (const char* member : {"layer_norm_eps", "layer_norm_epsilon", "norm_eps"}) {
    facts.copy_number("attention.layer_norm_rms_epsilon", config, member);
    facts.copy_number("attention.layer_norm_epsilon", config, member);
  }
  facts.copy_number("attention.layer_norm_rms_epsilon", config, "rms_norm_eps");
  facts.copy_number("rope.freq_base", config, "rope_theta");
  if (const auto* table = facts.shape_of("token_embd.weight")) config["vocab_size"] = table->at(0);
}

void configure_bert(const Facts& facts, json& config) {
  config["model_type"] = "bert";
  if (const auto* table = facts.shape_of("position_embd.weight")) {
    config["max_position_embeddings"] = table->at(0);
  }
}

void configure_nomic(const Facts& facts, json& config) {
  config["model_type"] = "nomic_bert";
  facts.copy_number("rope.freq_base", config, "rotary_emb_base");
}

void configure_nomic_experts(const Facts& facts, json& config) {
  configure_nomic(facts, config);
  config["activation_function"] = "gelu";
  facts.copy_integer("expert_count", config, "num_experts");
  facts.copy_integer("expert_used_count", config, "moe_top_k");
  facts.copy_integer("moe_every_n_layers", config, "moe_every_n_layers");
}

void configure_jina(const Facts& facts, json& config) {
  config["model_type"] = "bert";
  config["position_embedding_type"] = "alibi";
  if (facts.has("blk.0.attn_q_norm.weight")) config["_name_or_path"] = "qk-post-norm";
}

// Which layers are local: a period, or a value for each layer.
void configure_window(const Facts& facts, const char* period, json& config) {
  const std::string key = facts.key("attention.sliding_window_pattern");
  if (!facts.file().holds_array(key)) {
    facts.copy_integer("attention.sliding_window_pattern", config, period);
    return;
  }
  for (const std::int64_t local : facts.file().integers(key)) {
    config["layer_types"].push_back(local != 0 ? "sliding_attention" : "full_attention");
  }
}

void configure_modernbert(const Facts& facts, json& config) {
  config["model_type"] = "modernbert";
  facts.copy_integer("attention.sliding_window", config, "local_attention");
  facts.copy_number("rope.freq_base", config, "global_rope_theta");
  facts.copy_number("rope.freq_base_swa", config, "local_rope_theta");
  configure_window(facts, "global_attn_every_n_layers", config);
}

void configure_qwen(const Facts& facts, json& config) {
  config["model_type"] = facts.architecture();
  if (const auto causal = facts.file().boolean(facts.key("attention.causal"))) {
    config["is_causal"] = *causal;
  }
}

void configure_gemma(const Facts& facts, json& config) {
  config["model_type"] = "gemma3_text";
  config["use_bidirectional_attention"] = true;
  facts.copy_integer("attention.sliding_window", config, "sliding_window");
  facts.copy_number("rope.freq_base_swa", config, "rope_local_base_freq");
  // Where the file names no scale, llama.cpp takes the head's size, and so did the original.
  facts.copy_integer("attention.key_length", config, "query_pre_attn_scalar");
  const auto scale = facts.file().number(facts.key("attention.scale"));
  if (scale && *scale > 0.0) config["query_pre_attn_scalar"] = 1.0 / (*scale * *scale);
  configure_window(facts, "_sliding_window_pattern", config);
}

void configure_t5(const Facts& facts, json& config) {
  config["model_type"] = "t5";
  facts.copy_integer("embedding_length", config, "d_model");
  facts.copy_integer("block_count", config, "num_layers");
  facts.copy_integer("attention.head_count", config, "num_heads");
  facts.copy_integer("attention.key_length", config, "d_kv");
  facts.copy_integer("feed_forward_length", config, "d_ff");
  facts.copy_integer("context_length", config, "n_positions");
  config["feed_forward_proj"] = facts.has("enc.blk.0.ffn_gate.weight") ? "gated-gelu" : "relu";
}

struct GgufFamily {
  std::string_view architecture;
  void (*configure)(const Facts& facts, json& config);
};
constexpr std::array<GgufFamily, 9> kFamilies{{{"bert", configure_bert},
                                               {"nomic-bert", configure_nomic},
                                               {"nomic-bert-moe", configure_nomic_experts},
                                               {"jina-bert-v2", configure_jina},
                                               {"modern-bert", configure_modernbert},
                                               {"qwen2", configure_qwen},
                                               {"qwen3", configure_qwen},
                                               {"gemma-embedding", configure_gemma},
                                               {"t5encoder", configure_t5}}};

const GgufFamily& family_of(const Facts& facts, const std::string& where) {
  std::string known;
  for (const GgufFamily& family : kFamilies) {
    if (family.architecture == facts.architecture()) return family;
    known += (known.empty() ? "" : ", ") + std::string(family.architecture);
  }
  throw Error(ExitCode::model,
              "{}: architecture '{}' is not supported in GGUF files (supported: {})", where,
              facts.architecture(), known);
}

// Block norms by where they stand: a post-norm block norms its outputs.
void name_norms(const ModelSpec& spec, const std::string& layer, TensorNames& names) {
  const bool post = spec.block_norms == BlockNorms::post;
  if (!names.attention_post_norm.empty()) {
    names.attention_post_norm = layer + (post ? "attn_output_norm" : "post_attention_norm");
    names.attention_norm = layer + (post ? "attn_norm_2" : "attn_norm");
  } else {
    names.attention_norm = layer + (post ? "attn_output_norm" : "attn_norm");
  }
  names.ffn_norm = layer + (post ? "layer_output_norm" : "ffn_norm");
  if (!names.ffn_post_norm.empty()) names.ffn_post_norm = layer + "post_ffw_norm";
}

void rename_tensors(const Facts& facts, ModelSpec& spec) {
  TensorNames& names = spec.names;
  const bool t5 = spec.relative_bias;
  const std::string first = t5 ? "enc.blk.0." : "blk.0.";
  const std::string layer = t5 ? "enc.blk.{}." : "blk.{}.";
  const auto rename = [](std::string& name, const std::string& to) {
    if (!name.empty()) name = to;
  };
  rename(names.word_embeddings, "token_embd.weight");
  rename(names.position_embeddings, "position_embd.weight");
  rename(names.token_type_embeddings, "token_types.weight");
  rename(names.embedding_norm, "token_embd_norm");
  rename(names.relative_bias, first + "attn_rel_b.weight");
  if (facts.has((first + "attn_qkv.weight").c_str())) {
    names.query = layer + "attn_qkv";
    names.key = names.value = "";
  } else {
    names.query = layer + "attn_q";
    names.key = layer + "attn_k";
    names.value = layer + "attn_v";
  }
  rename(names.query_norm, layer + "attn_q_norm");
  rename(names.key_norm, layer + "attn_k_norm");
  names.attention_output = layer + (t5 ? "attn_o" : "attn_output");
  name_norms(spec, layer, names);
  names.ffn_up = layer + "ffn_up";
  names.ffn_gate.clear();
  if (spec.gated && facts.has((first + "ffn_gate.weight").c_str())) {
    names.ffn_gate = layer + "ffn_gate";
    spec.gate_second = false;
  }
  names.ffn_down = layer + "ffn_down";
  rename(names.router, layer + "ffn_gate_inp");
  rename(names.experts_up, layer + "ffn_up_exps.weight");
  rename(names.experts_down, layer + "ffn_down_exps.weight");
  names.experts_bias.clear();
  spec.experts.down_by_input = false;
  rename(names.final_norm, t5 ? "enc.output_norm" : "output_norm");
  spec.prefixes.clear();
}

void read_pooling(const Facts& facts, GgufModel& model) {
  constexpr std::array<Pooling, 4> kPoolings{Pooling::none, Pooling::mean, Pooling::cls,
                                             Pooling::last};
  const std::string key = facts.key("pooling_type");
  const auto type = facts.file().integer(key);
  if (!type) {
    model.pooling = {model.spec.causal ? Pooling::last : Pooling::mean, "assumed"};
    model.notes.push_back(
        fmt::format("no {}: {} pooling assumed; use --pooling if the model's card says otherwise",
                    key, name_of(model.pooling.value)));
    return;
  }
  if (*type < 0 || *type >= static_cast<std::int64_t>(kPoolings.size())) {
    throw Error(ExitCode::model, "{}: {} {} is not supported (a reranker?)",
                facts.file().describe(), key, *type);
  }
  model.pooling = {kPoolings.at(static_cast<std::size_t>(*type)), key};
}

void refuse_scaled_positions(const Facts& facts, const std::string& where) {
  const auto scaling = facts.file().text(facts.key("rope.scaling.type"));
  if (!scaling || *scaling == "none") return;
  const auto factor = facts.file().number(facts.key("rope.scaling.factor"));
  if (factor.value_or(1.0) == 1.0) return;
  throw Error(ExitCode::model, "{}: {} {} is not supported", where, facts.key("rope.scaling.type"),
              *scaling);
}

// One tensor under the name that a Dense module gives it.
class DenseTensor : public WeightSource {
 public:
  explicit DenseTensor(const TensorView& tensor, std::string where)
      : tensor_(tensor), where_(std::move(where)) {}

  const TensorView* find(std::string_view name) const override {
    return name == kName ? &tensor_ : nullptr;
  }
  std::vector<std::string_view> names() const override { return {kName}; }
  std::string describe() const override { return where_; }

 private:
  static constexpr std::string_view kName = "linear.weight";
  TensorView tensor_;
  std::string where_;
};

}  // namespace

std::vector<DenseSpec> read_gguf_dense(const GgufFile& file,
                                       std::vector<std::unique_ptr<WeightSource>>& weights) {
  std::vector<DenseSpec> out;
  for (const char* name : {"dense_2.weight", "dense_3.weight"}) {
    const TensorView* tensor = file.find(name);
    if (tensor == nullptr) continue;
    if (tensor->shape.size() != 2) {
      throw Error(ExitCode::model, "{}: tensor {} is not a matrix", file.describe(), name);
    }
    weights.push_back(std::make_unique<DenseTensor>(*tensor, file.describe()));
    DenseSpec dense;
    dense.out = static_cast<std::size_t>(tensor->shape[0]);
    dense.in = static_cast<std::size_t>(tensor->shape[1]);
    dense.bias = false;
    dense.activation = Activation::identity;
    dense.weights = weights.back().get();
    out.push_back(dense);
  }
  return out;
}

GgufModel read_gguf_model(const GgufFile& file, const std::string& where) {
  const Facts facts(file);
  const GgufFamily& family = family_of(facts, where);
  if (!facts.has("token_embd.weight")) {
    throw Error(ExitCode::model,
                "{}: no tensor token_embd.weight; does the file hold only a vocabulary?", where);
  }
  refuse_scaled_positions(facts, where);
  json config = json::object();
  copy_sizes(facts, config);
  family.configure(facts, config);
  GgufModel model;
  model.spec = describe_model(JsonConfig(std::move(config), where), where, model.notes);
  if (family.configure == configure_gemma) model.spec.norm = NormKind::rms;
  rename_tensors(facts, model.spec);
  read_pooling(facts, model);
  return model;
}

}  // namespace embedtool
