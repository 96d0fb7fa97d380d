#include "tests/support/model_folder.hpp"

#include <cstring>

namespace embedtool::testing {

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::size_t element_count(const std::vector<std::int64_t>& shape) {
  std::size_t n = 1;
  for (const std::int64_t extent : shape) n *= static_cast<std::size_t>(extent);
  return n;
}

TestTensor seeded_tensor(const std::string& name, const std::vector<std::int64_t>& shape) {
  std::uint64_t state = hash128(name).low | 1;
  std::vector<float> values(element_count(shape));
  for (float& value : values) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    value = static_cast<float>(state >> 40) / 16777216.0F - 0.5F;
  }
  return tensor_of(name, "F32", shape, values);
}

std::string safetensors_raw(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string out(sizeof length, '\0');
  std::memcpy(out.data(), &length, sizeof length);
  return out + header + data;
}

std::string safetensors_file(const std::vector<TestTensor>& tensors) {
  nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const TestTensor& tensor : tensors) {
    const std::size_t begin = data.size();
    data += tensor.bytes;
    header[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  return safetensors_raw(header.dump(), data);
}

std::unique_ptr<FileSet> in_memory(Files files) {
  return std::make_unique<OwnedFileSet>(std::move(files));
}

nlohmann::json bert_config(const BertShape& shape) {
  return {{"model_type", "bert"},
          {"architectures", {"BertModel"}},
          {"vocab_size", shape.vocab},
          {"hidden_size", shape.hidden},
          {"num_hidden_layers", shape.layers},
          {"num_attention_heads", shape.heads},
          {"intermediate_size", shape.ffn},
          {"max_position_embeddings", shape.positions},
          {"type_vocab_size", 2},
          {"hidden_act", "gelu"},
          {"layer_norm_eps", 1e-12},
          {"pad_token_id", 0}};
}

std::vector<TestTensor> bert_tensors(const BertShape& shape) {
  const std::int64_t h = shape.hidden;
  std::vector<TestTensor> out;
  const auto add = [&out](const std::string& name, const std::vector<std::int64_t>& extents) {
    out.push_back(seeded_tensor(name, extents));
  };
  const auto add_linear = [&add](const std::string& name, std::int64_t rows, std::int64_t cols) {
    add(name + ".weight", {rows, cols});
    add(name + ".bias", {rows});
  };
  const auto add_norm = [&add, h](const std::string& name) {
    add(name + ".weight", {h});
    add(name + ".bias", {h});
  };
  add("embeddings.word_embeddings.weight", {shape.vocab, h});
  add("embeddings.position_embeddings.weight", {shape.positions, h});
  add("embeddings.token_type_embeddings.weight", {2, h});
  add_norm("embeddings.LayerNorm");
  for (std::int64_t layer = 0; layer < shape.layers; ++layer) {
    const std::string prefix = "encoder.layer." + std::to_string(layer) + ".";
    for (const char* part : {"query", "key", "value"}) {
      add_linear(prefix + "attention.self." + part, h, h);
    }
    add_linear(prefix + "attention.output.dense", h, h);
    add_norm(prefix + "attention.output.LayerNorm");
    add_linear(prefix + "intermediate.dense", shape.ffn, h);
    add_linear(prefix + "output.dense", h, shape.ffn);
    add_norm(prefix + "output.LayerNorm");
  }
  return out;
}

std::string modules_json(const std::vector<std::pair<std::string, std::string>>& modules) {
  nlohmann::json out = nlohmann::json::array();
  for (const auto& [path, type] : modules) {
    out.push_back({{"idx", out.size()},
                   {"name", std::to_string(out.size())},
                   {"path", path},
                   {"type", type}});
  }
  return out.dump();
}

void add_dense(Files& files, const std::string& folder, std::int64_t in, std::int64_t out,
               const std::string& activation, bool bias) {
  files[folder + "/config.json"] = nlohmann::json{
      {"in_features", in},
      {"out_features", out},
      {"bias", bias},
      {"activation_function",
       activation}}.dump();
  std::vector<TestTensor> tensors{seeded_tensor("linear.weight", {out, in})};
  if (bias) tensors.push_back(seeded_tensor("linear.bias", {out}));
  files[folder + "/model.safetensors"] = safetensors_file(tensors);
}

}  // namespace embedtool::testing
