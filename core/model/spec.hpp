#pragma once

// A transformer encoder as data. An architecture's descriptor (arch_*.cpp) fills a ModelSpec from
// a configuration; the block loop in encoder.cpp reads the spec and never asks for a model's name.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/math/activation.hpp"
#include "core/model/pooling.hpp"
#include "core/ports.hpp"

namespace embedtool {

/// Where token positions enter. Further kinds (rotary, relative bias, ALiBi) join here with the
/// architecture that needs them.
enum class Positions : std::uint8_t { none, learned };

/// Tensor names of one model; "{}" stands for the layer's number. Empty = the model has none.
struct TensorNames {
  std::string word_embeddings;        ///< [vocab, hidden]
  std::string position_embeddings;    ///< [max_positions + position_offset, hidden]
  std::string token_type_embeddings;  ///< [types, hidden]; row 0 is added to every token
  std::string embedding_norm;         ///< prefix of weight/bias
  std::string query, key, value;      ///< prefixes of weight [out, in] and bias [out]
  std::string attention_output;
  std::string attention_norm;
  std::string ffn_up, ffn_down;
  std::string ffn_norm;
  /// Row weights of a static embedding table, [vocab]; empty = none.
  std::string token_weights;
  /// Token id → table row of a vocabulary-quantized static model, [vocab]; empty = none.
  std::string token_mapping;
};

/// The shape of an encoder. All sizes in elements.
struct ModelSpec {
  std::string family;  ///< "bert", "roberta", …, for reports only
  std::size_t vocab_size = 0;
  std::size_t hidden = 0;
  std::size_t layers = 0;  ///< 0 = a static embedding model: pooled table rows
  std::size_t heads = 0;
  std::size_t ffn = 0;
  std::size_t max_positions = 0;    ///< longest sequence; 0 = unbounded
  std::size_t position_offset = 0;  ///< table row of the first token (RoBERTa: pad_token_id + 1)
  Positions positions = Positions::learned;
  Activation activation = Activation::gelu;
  float norm_eps = 1e-12F;
  bool special_tokens = true;  ///< false: the tokenizer adds none (static models)
  bool drops_unknown = false;  ///< model2vec: unknown tokens are left out before pooling
  TensorNames names;
  /// Prefixes that checkpoints may put before every tensor name ("bert.", …); "" is always tried.
  std::vector<std::string> prefixes;

  std::size_t head_dim() const { return heads == 0 ? 0 : hidden / heads; }
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
};

/// From hidden states to the published vector.
struct HeadSpec {
  std::vector<Pooling> pooling{Pooling::mean};  ///< several are concatenated
  std::vector<DenseSpec> dense;
  bool normalize = true;
  std::size_t dims = 0;  ///< Matryoshka cut before normalization; 0 = all
};

}  // namespace embedtool
