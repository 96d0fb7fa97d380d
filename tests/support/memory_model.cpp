#include "tests/support/memory_model.hpp"

#include <cmath>
#include <random>

namespace embedtool::testing {

std::vector<std::vector<TokenId>> random_sequences(std::size_t n, std::size_t vocab,
                                                   SequenceLengths lengths) {
  std::mt19937 generator(5);
  std::vector<std::vector<TokenId>> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (i > 0 && i % 7 == 0) {
      out[i] = out[generator() % i];
      continue;
    }
    const std::size_t length = generator() % (i % 11 == 0 ? lengths.rare : lengths.common);
    for (std::size_t t = 0; t < length; ++t) {
      out[i].push_back(static_cast<TokenId>(generator() % vocab));
    }
  }
  return out;
}

ModelSpec small_bert(std::size_t hidden, std::size_t layers) {
  ModelSpec s;
  s.family = "bert";
  s.vocab_size = 211;
  s.hidden = hidden;
  s.layers = layers;
  s.heads = 5;
  s.ffn = 100;
  s.max_positions = 300;
  const std::string l = "layer.{}.";
  s.names.word_embeddings = "word";
  s.names.position_embeddings = "position";
  s.names.token_type_embeddings = "type";
  s.names.embedding_norm = "norm";
  s.names.query = l + "q";
  s.names.key = l + "k";
  s.names.value = l + "v";
  s.names.attention_output = l + "o";
  s.names.attention_norm = l + "n1";
  s.names.ffn_up = l + "up";
  s.names.ffn_down = l + "down";
  s.names.ffn_norm = l + "n2";
  return s;
}

void fill_weights(const ModelSpec& s, MemoryWeights& w) {
  const auto h = static_cast<std::int64_t>(s.hidden);
  const auto f = static_cast<std::int64_t>(s.ffn);
  const auto linear = [&w](const std::string& name, std::int64_t out, std::int64_t in) {
    w.add(name + ".weight", {out, in}, 1.0F / std::sqrt(static_cast<float>(in)), 0.0F);
    w.add(name + ".bias", {out}, 0.1F, 0.0F);
  };
  const auto norm = [&w, h](const std::string& name) {
    w.add(name + ".weight", {h}, 0.2F, 1.0F);
    w.add(name + ".bias", {h}, 0.1F, 0.0F);
  };
  w.add("word", {static_cast<std::int64_t>(s.vocab_size), h}, 1.0F, 0.0F);
  w.add("position", {static_cast<std::int64_t>(s.max_positions), h}, 0.3F, 0.0F);
  w.add("type", {2, h}, 0.3F, 0.0F);
  norm("norm");
  for (std::size_t i = 0; i < s.layers; ++i) {
    const std::string l = "layer." + std::to_string(i) + ".";
    for (const char* part : {"q", "k", "v", "o"}) linear(l + part, h, h);
    norm(l + "n1");
    linear(l + "up", f, h);
    linear(l + "down", h, f);
    norm(l + "n2");
  }
}

void add_experts(ModelSpec& s, MemoryWeights& w) {
  constexpr std::int64_t kCount = 6;
  s.experts = {kCount, 2, {0, 1}, true};
  s.names.router = "layer.{}.router";
  s.names.experts_up = "layer.{}.w1";
  s.names.experts_down = "layer.{}.w2";
  s.names.experts_bias = "layer.{}.experts.bias";
  const auto h = static_cast<std::int64_t>(s.hidden);
  const auto f = static_cast<std::int64_t>(s.ffn);
  w.add("layer.1.router.weight", {kCount, h}, 0.3F, 0.0F);
  w.add("layer.1.w1", {kCount * f, h}, 0.13F, 0.0F);
  w.add("layer.1.w2", {kCount * f, h}, 0.1F, 0.0F);
  w.add("layer.1.experts.bias", {h}, 0.1F, 0.0F);
}

}  // namespace embedtool::testing
