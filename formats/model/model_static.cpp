#include "formats/model/model_static.hpp"

#include <cstdint>
#include <cstring>
#include <string>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

// model2vec's encode() cuts after 512 tokens the default; its `seq_length` is a placeholder of a
// million in every folder that it writes.
constexpr std::size_t kModel2vecTokens = 512;
constexpr std::int64_t kModel2vecPlaceholder = 1'000'000;

const TensorView& table_of(const WeightSource& weights) {
  for (const char* name : {"embedding.weight", "embeddings"}) {
    const TensorView* tensor = weights.find(name);
    if (tensor == nullptr) continue;
    if (tensor->shape.size() != 2 || tensor->elements() == 0) {
      throw Error(ExitCode::model, "{}: tensor '{}' should be a table of token vectors",
                  weights.describe(), name);
    }
    return *tensor;
  }
  throw Error(ExitCode::model,
              "{}: no tensor 'embeddings' or 'embedding.weight', so this is not a static model",
              weights.describe());
}

std::int64_t value_at(const TensorView& tensor, std::size_t index) {
  const std::byte* at = tensor.bytes.data() + index * size_of(tensor.dtype);
  if (tensor.dtype == DType::i32) {
    std::int32_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  std::int64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// A row number beyond the table would be read from foreign memory later on.
void check_mapping(const TensorView& mapping, std::int64_t rows, const std::string& where) {
  if ((mapping.dtype != DType::i32 && mapping.dtype != DType::i64) || mapping.shape.size() != 1) {
    throw Error(ExitCode::model, "{}: tensor 'mapping' should be a list of row numbers", where);
  }
  const auto tokens = static_cast<std::size_t>(mapping.elements());
  for (std::size_t i = 0; i < tokens; ++i) {
    if (const std::int64_t row = value_at(mapping, i); row < 0 || row >= rows) {
      throw Error(ExitCode::model, "{}: 'mapping' maps token {} to row {} of {}", where, i, row,
                  rows);
    }
  }
}

void add_token_weights(const WeightSource& weights, ModelSpec& spec) {
  const TensorView* tensor = weights.find("weights");
  if (tensor == nullptr) return;
  if (tensor->shape != std::vector{static_cast<std::int64_t>(spec.vocab_size)}) {
    throw Error(ExitCode::model,
                "{}: tensor 'weights' should hold one number for each of {} tokens",
                weights.describe(), spec.vocab_size);
  }
  spec.names.token_weights = "weights";
}

TokenLimit model2vec_limit(const JsonConfig& config) {
  const auto length = config.integer("seq_length");
  if (length.has_value() && *length > 0 && *length != kModel2vecPlaceholder) {
    return {static_cast<std::size_t>(*length), "seq_length of config.json"};
  }
  return {kModel2vecTokens, "model2vec's own default"};
}

// Ours: model2vec itself gives a text without tokens a vector of zeros.
std::optional<TokenId> empty_text_token(const JsonConfig& config, std::size_t vocab_size) {
  const auto token = config.integer("empty_text_token_id");
  if (!token.has_value()) return std::nullopt;
  if (*token < 0 || static_cast<std::uint64_t>(*token) >= vocab_size) {
    throw Error(ExitCode::model, "{}: 'empty_text_token_id' {} is not among {} tokens",
                config.where(), *token, vocab_size);
  }
  return static_cast<TokenId>(*token);
}

}  // namespace

bool is_model2vec(const JsonConfig& config) {
  return config.has("model_type") && config.string("model_type") == "model2vec";
}

StaticModel read_static_model(const WeightSource& weights, const JsonConfig* config) {
  const bool model2vec = config != nullptr && is_model2vec(*config);
  const TensorView& table = table_of(weights);
  StaticModel out;
  ModelSpec& spec = out.spec;
  spec.family = model2vec ? "model2vec" : "static";
  spec.positions = Positions::none;
  spec.hidden = static_cast<std::size_t>(table.shape[1]);
  spec.vocab_size = static_cast<std::size_t>(table.shape[0]);
  // model2vec leaves unknown tokens out; sentence-transformers averages their row like any other.
  spec.drops_unknown = model2vec;
  spec.names.word_embeddings = table.name;
  if (const TensorView* mapping = weights.find("mapping"); mapping != nullptr) {
    check_mapping(*mapping, table.shape[0], weights.describe());
    spec.vocab_size = static_cast<std::size_t>(mapping->elements());
    spec.names.token_mapping = "mapping";
  }
  add_token_weights(weights, spec);
  out.limit = {0, "a static model takes any length"};
  if (model2vec) {
    out.limit = model2vec_limit(*config);
    out.normalize = config->boolean("normalize").value_or(false);
    out.empty_text_token = empty_text_token(*config, spec.vocab_size);
  }
  return out;
}

}  // namespace embedtool
