#pragma once

// A transformer encoder as data. An architecture's descriptor (arch_*.cpp) fills a ModelSpec from
// a configuration; the block loop in encoder.cpp reads the spec and never asks for a model's name.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/math/activation.hpp"
#include "core/model/pooling.hpp"
#include "core/ports.hpp"

namespace embedtool {

/// Where token positions enter.
enum class Positions : std::uint8_t {
  none,
  learned,  ///< a table's rows, added to the words'
  rotary,   ///< queries and keys rotated (Su et al. 2021)
  alibi     ///< a bias of attention, -slope · |i - j|, a slope a head (Press et al. 2021)
};

/// Where a block normalizes: x is its input, f the attention or the FFN.
enum class BlockNorms : std::uint8_t {
  post,  ///< norm(x + f(x))
  pre,   ///< x + f(norm(x)), and once more behind the last block
  both   ///< x + norm(f(norm(x))), likewise
};

enum class NormKind : std::uint8_t {
  layer,
  rms,
  rms_plus_one  ///< RMS norm whose stored weight is the factor less 1 (Gemma)
};

/// How far rotary angles turn.
struct RotarySpec {
  double base = 10000.0;        ///< pair i of d/2 turns by base^(-2i/d) a position
  double local_base = 10000.0;  ///< in layers with a local span
  double divisor = 1.0;         ///< all angles are divided by this
  /// Angle per position of each pair, instead of what `base` gives, and likewise in local layers;
  /// empty = as `base` says.
  std::vector<double> steps, local_steps;
  double magnitude = 1.0;  ///< cosines and sines are multiplied by this (YaRN)
  double local_magnitude = 1.0;
  std::size_t dims = 0;      ///< leading elements of a head that are rotated; 0 = all
  bool interleaved = false;  ///< pairs are neighbours, not half a head apart
};

/// Tensor names of one model; "{}" stands for the layer's number. Empty = the model has none.
struct TensorNames {
  std::string word_embeddings;        ///< [vocab, embedding size]
  std::string position_embeddings;    ///< [max_positions + position_offset, embedding size]
  std::string token_type_embeddings;  ///< [types, embedding size]; row 0 is added to every token
  std::string embedding_norm;         ///< prefix of weight/bias
  std::string embedding_projection;   ///< embedding size → hidden
  /// Prefixes of weight [out, in] and bias [out]; where key is empty, query holds all three.
  std::string query, key, value;
  std::string query_norm, key_norm;  ///< of each head, or of all together: see norms_whole_query
  std::string attention_output;
  std::string attention_norm, attention_post_norm;
  std::string ffn_up, ffn_gate, ffn_down;  ///< gated without ffn_gate: ffn_up holds both
  std::string ffn_norm, ffn_post_norm;
  /// Of layers with experts, instead of ffn_up and ffn_down: each expert's weights one below the
  /// other, and what is added to every token.
  std::string router, experts_up, experts_down, experts_bias;
  std::string final_norm;
  /// A linear layer on the final states, which the loader makes the head's first dense layer.
  std::string state_projection;
  std::string relative_bias;  ///< [buckets, heads]
  /// Row weights of a static embedding table, [vocab]; empty = none.
  std::string token_weights;
  /// Token id → table row of a vocabulary-quantized static model, [vocab]; empty = none.
  std::string token_mapping;
};

/// "encoder.layer.{}.x" → "encoder.layer.3.x"
std::string layer_name(const std::string& pattern, std::size_t layer);

/// What a name in a spec stands for.
enum class TensorForm : std::uint8_t {
  tensor,  ///< the tensor of this name
  layer    ///< a norm or linear layer: the prefix of its weight, bias and scales
};

struct TensorField {
  std::string TensorNames::*name;
  TensorForm form;
};

/// All of TensorNames: whatever asks which tensors a model has goes through this list.
inline constexpr auto kTensorFields = std::to_array<TensorField>({
    {&TensorNames::word_embeddings, TensorForm::tensor},
    {&TensorNames::position_embeddings, TensorForm::tensor},
    {&TensorNames::token_type_embeddings, TensorForm::tensor},
    {&TensorNames::embedding_norm, TensorForm::layer},
    {&TensorNames::embedding_projection, TensorForm::layer},
    {&TensorNames::query, TensorForm::layer},
    {&TensorNames::key, TensorForm::layer},
    {&TensorNames::value, TensorForm::layer},
    {&TensorNames::query_norm, TensorForm::layer},
    {&TensorNames::key_norm, TensorForm::layer},
    {&TensorNames::attention_output, TensorForm::layer},
    {&TensorNames::attention_norm, TensorForm::layer},
    {&TensorNames::attention_post_norm, TensorForm::layer},
    {&TensorNames::ffn_up, TensorForm::layer},
    {&TensorNames::ffn_gate, TensorForm::layer},
    {&TensorNames::ffn_down, TensorForm::layer},
    {&TensorNames::ffn_norm, TensorForm::layer},
    {&TensorNames::ffn_post_norm, TensorForm::layer},
    {&TensorNames::router, TensorForm::layer},
    {&TensorNames::experts_up, TensorForm::tensor},
    {&TensorNames::experts_down, TensorForm::tensor},
    {&TensorNames::experts_bias, TensorForm::tensor},
    {&TensorNames::final_norm, TensorForm::layer},
    {&TensorNames::state_projection, TensorForm::layer},
    {&TensorNames::relative_bias, TensorForm::tensor},
    {&TensorNames::token_weights, TensorForm::tensor},
    {&TensorNames::token_mapping, TensorForm::tensor},
});
static_assert(kTensorFields.size() * sizeof(std::string) == sizeof(TensorNames),
              "a name is missing from kTensorFields");

/// Layers that have several feed-forward networks, of which each token goes through the few that a
/// router weighs most (Shazeer et al. 2017).
struct ExpertsSpec {
  std::size_t count = 0;             ///< of a layer's networks; 0 = no layer has several
  std::size_t chosen = 0;            ///< for a token
  std::vector<std::uint8_t> layers;  ///< those marked 1
  bool down_by_input = false;        ///< experts_down is [ffn, hidden] an expert, not [hidden, ffn]

  bool is_at(std::size_t layer) const { return layer < layers.size() && layers[layer] != 0; }
};

/// The shape of an encoder. All sizes in elements. What a family does not mention keeps BERT's way.
struct ModelSpec {
  std::string family;  ///< "bert", "roberta", …, for reports only
  std::size_t vocab_size = 0;
  std::size_t hidden = 0;
  std::size_t embedding_size = 0;  ///< of the tables; 0 = hidden
  std::size_t layers = 0;          ///< 0 = a static embedding model: pooled table rows
  std::size_t shared_layers = 0;   ///< so many sets of weights serve all layers in turn; 0 = layers
  std::size_t heads = 0;
  std::size_t kv_heads = 0;   ///< key and value heads, each for heads / kv_heads; 0 = heads
  std::size_t head_size = 0;  ///< 0 = hidden / heads
  std::size_t ffn = 0;
  std::size_t max_positions = 0;    ///< longest sequence; 0 = unbounded
  std::size_t position_offset = 0;  ///< table row of the first token (RoBERTa: pad_token_id + 1)
  Positions positions = Positions::learned;
  RotarySpec rotary;
  /// A learned bias of attention by bucketed distance (Raffel et al. 2020), beside `positions`.
  bool relative_bias = false;
  std::size_t relative_distance = 128;  ///< from where on the last relative bucket holds
  bool causal = false;
  /// Layers marked 1 see only keys up to `local_span` away, on either side; empty = none does.
  std::vector<std::uint8_t> local_layers;
  std::size_t local_span = 0;
  float attention_scale = 0.0F;  ///< of the scores; 0 = 1/√head_dim
  bool norms_whole_query = false;
  Activation activation = Activation::gelu;
  bool gated = false;        ///< activation(gate) · up instead of activation(up)
  bool gate_second = false;  ///< in an ffn_up that holds both
  ExpertsSpec experts;
  BlockNorms block_norms = BlockNorms::post;
  NormKind norm = NormKind::layer;
  bool norm_bias = true;   ///< false: layer norms have no shift
  bool first_norm = true;  ///< false: the first block's attention_norm is left out
  float norm_eps = 1e-12F;
  float embedding_scale = 1.0F;
  /// A run of this token at a sequence's end asks, but is seen by no token (the masks that ColBERT
  /// fills queries up with); -1 = none.
  TokenId unseen_tail = -1;
  bool drops_unknown = false;  ///< model2vec: unknown tokens are left out before pooling
  TensorNames names;
  /// Other sets of names that checkpoints of this family use; see choose_names().
  std::vector<TensorNames> other_names;
  /// Prefixes that checkpoints may put before every tensor name ("bert.", …); "" is always tried.
  std::vector<std::string> prefixes;

  std::size_t head_dim() const {
    if (head_size != 0) return head_size;
    return heads == 0 ? 0 : hidden / heads;
  }
  std::size_t key_heads() const { return kv_heads == 0 ? heads : kv_heads; }
  std::size_t query_width() const { return heads * head_dim(); }
  std::size_t key_width() const { return key_heads() * head_dim(); }
  std::size_t qkv_width() const { return query_width() + 2 * key_width(); }
  std::size_t up_width() const { return gated ? 2 * ffn : ffn; }
  std::size_t table_width() const { return embedding_size == 0 ? hidden : embedding_size; }
  bool is_local(std::size_t layer) const {
    return layer < local_layers.size() && local_layers[layer] != 0;
  }
};

/// A dense layer of the head: y = activation(W x + b), plus x or a projection of it where
/// `residual` is set (sentence-transformers' Dense).
struct DenseSpec {
  std::size_t in = 0;
  std::size_t out = 0;
  bool bias = true;
  bool residual = false;  ///< adds `residual.weight` x, or x where there is no such tensor
  Activation activation = Activation::tanh;
  /// Holds `linear.weight` [out, in] and `linear.bias` [out]; not owned, outlives the encoder.
  const WeightSource* weights = nullptr;
  std::string name = "linear";  ///< what the two tensors are called; empty: `weight` and `bias`
};

/// How token states become weights of the vocabulary's tokens.
enum class SparseKind : std::uint8_t {
  none,        ///< they do not: the head gives vectors
  vocabulary,  ///< every token weighs all of the vocabulary (SPLADE, Formal et al. 2021)
  own_token    ///< every token weighs itself (bge-m3)
};

/// A head that gives weights of tokens. `vocabulary`: logits = decoder(norm(activation(transform
/// (state)))), the masked-language head; a token's weight is log(1 + max(0, logit)), the largest
/// among a text's tokens, or their sum. `own_token`: max(0, linear(state)), the largest where a
/// text has the token several times.
struct SparseSpec {
  SparseKind kind = SparseKind::none;
  std::string transform;     ///< prefix of weight [inner, hidden] and bias
  std::string norm;          ///< prefix of weight and bias, [inner]
  std::string decoder;       ///< tensor [vocab, inner]; the words' table where it is tied to it
  std::string decoder_bias;  ///< tensor [vocab]; empty = none
  std::size_t inner = 0;
  Activation activation = Activation::gelu;
  bool sums = false;
  bool log_twice = false;        ///< weight = log(1 + log(1 + max(0, logit))) (OpenSearch)
  DenseSpec linear;              ///< of `own_token`: one output
  std::vector<TokenId> skipped;  ///< tokens that get no weight
};

/// From hidden states to the published vector.
struct HeadSpec {
  std::vector<Pooling> pooling{Pooling::mean};  ///< several are concatenated
  std::vector<DenseSpec> dense;
  /// Tokens whose vectors are left out of one-vector-a-token output (ColBERT's punctuation).
  std::vector<TokenId> skipped;
  bool skips_first = false;  ///< likewise each text's first token (bge-m3)
  /// Leading tokens of every text, a prompt's, that are left out of the pooling (INSTRUCTOR).
  std::size_t prompt_tokens = 0;
  bool normalize = true;
  /// Matryoshka cut before normalization, or how many weights a sparse row keeps; 0 = all
  std::size_t dims = 0;
  SparseSpec sparse;  ///< where its kind is not `none`, the only part that counts beside `dims`

  /// A vector is made of the average of all token states, whatever follows.
  bool averages() const {
    return sparse.kind == SparseKind::none && pooling.size() == 1 && pooling[0] == Pooling::mean &&
           prompt_tokens == 0;
  }
};

/// Calls visit(name, form) for every tensor and layer that an encoder of this shape with this head
/// reads from `weights`, layer numbers filled in. Dense layers of the head that are in another
/// source are left out.
template <typename Visit>
void for_each_tensor(const ModelSpec& spec, const HeadSpec& head, const WeightSource& weights,
                     const Visit& visit) {
  for (const TensorField& field : kTensorFields) {
    const std::string& name = spec.names.*field.name;
    if (name.empty()) continue;
    const bool numbered = name.find("{}") != std::string::npos;
    const std::size_t sets = spec.shared_layers == 0 ? spec.layers : spec.shared_layers;
    for (std::size_t layer = 0; layer < (numbered ? sets : 1); ++layer) {
      visit(layer_name(name, layer), field.form);
    }
  }
  const auto visit_dense = [&](const DenseSpec& dense) {
    if (dense.weights != &weights) return;
    visit(dense.name, TensorForm::layer);
    if (dense.residual) visit(std::string("residual"), TensorForm::layer);
  };
  const SparseSpec& sparse = head.sparse;
  if (sparse.kind == SparseKind::own_token) return visit_dense(sparse.linear);
  if (sparse.kind == SparseKind::none) {
    for (const DenseSpec& dense : head.dense) visit_dense(dense);
    return;
  }
  visit(sparse.transform, TensorForm::layer);
  visit(sparse.norm, TensorForm::layer);
  visit(sparse.decoder, TensorForm::tensor);
  if (!sparse.decoder_bias.empty()) visit(sparse.decoder_bias, TensorForm::tensor);
}

}  // namespace embedtool
