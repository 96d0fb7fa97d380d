#include "core/model/embedding_table.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/math/kernels.hpp"
#include "core/model/weights.hpp"

namespace embedtool {
namespace {

/// Integers of a tensor of i32 or i64.
std::vector<std::int64_t> read_integers(const TensorView& tensor) {
  const auto n = static_cast<std::size_t>(tensor.elements());
  std::vector<std::int64_t> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (tensor.dtype == DType::i64) {
      std::memcpy(&out[i], tensor.bytes.data() + i * 8, 8);
    } else if (tensor.dtype == DType::i32) {
      std::int32_t v;
      std::memcpy(&v, tensor.bytes.data() + i * 4, 4);
      out[i] = v;
    } else {
      throw Error(ExitCode::model, "tensor {} has type {}, expected integers", tensor.name,
                  name_of(tensor.dtype));
    }
  }
  return out;
}

}  // namespace

TableChange::TableChange(const LowRankChange& change)
    : up_(change.up), down_(static_cast<std::size_t>(change.down->elements())) {
  widen(change.down->bytes.data(), change.down->dtype, down_.size(), down_.data());
  scale(down_.data(), change.scale, down_.size());
}

void TableChange::add_to(std::size_t row, float* out) const {
  EMBEDTOOL_CHECK(!empty());
  const auto rank = static_cast<std::size_t>(up_->shape[1]);
  const std::size_t width = down_.size() / rank;
  constexpr std::size_t kAtOnce = 16;
  std::array<float, kAtOnce> factors;
  std::array<WeightedRow, kAtOnce> rows;
  for (std::size_t first = 0; first < rank; first += kAtOnce) {
    const std::size_t count = std::min(kAtOnce, rank - first);
    widen(up_->bytes.data() + stored_bytes(up_->dtype, row * rank + first), up_->dtype, count,
          factors.data());
    for (std::size_t i = 0; i < count; ++i) {
      rows[i] = {reinterpret_cast<const std::byte*>(down_.data() + (first + i) * width),
                 factors[i]};
    }
    add_widened(out, std::span(rows).first(count), DType::f32, width);
  }
}

EmbeddingTable::EmbeddingTable(const ModelSpec& spec, const WeightSource& source)
    : hidden_(spec.table_width()), vocab_(spec.vocab_size) {
  const WeightReader reader(source, spec.prefixes);
  table_ = reader.find(spec.names.word_embeddings);
  if (table_ == nullptr || table_->shape.size() != 2 ||
      table_->shape[1] != static_cast<std::int64_t>(hidden_)) {
    throw Error(ExitCode::model, "{}: no tensor {} with rows of {} elements", source.describe(),
                spec.names.word_embeddings, hidden_);
  }
  if (size_of(table_->dtype) > 4 || table_->dtype == DType::i32 || table_->dtype == DType::u8 ||
      table_->dtype == DType::boolean) {
    throw Error(ExitCode::model,
                "tensor {} has type {}, expected f32, f16, bf16, f8, i8 or one of GGUF's",
                table_->name, name_of(table_->dtype));
  }
  for (const char* scale : {"_scale", "_scale_inv"}) {
    if (reader.find(spec.names.word_embeddings + scale) == nullptr) continue;
    throw Error(ExitCode::model,
                "{}: the token table has scales ({}{}), which are supported only for linear layers",
                source.describe(), spec.names.word_embeddings, scale);
  }
  if (const LowRankChange* change = source.change_of(*table_)) change_ = TableChange(*change);
  read_static_parts(spec, source);
  if (mapping_.empty() && table_->shape[0] != static_cast<std::int64_t>(vocab_)) {
    throw Error(ExitCode::model, "tensor {} has {} rows, but the configuration says {} tokens",
                table_->name, table_->shape[0], vocab_);
  }
  if (spec.positions == Positions::learned) {
    read_positions(spec, source);
  } else {
    read_type(spec, source, common_);
  }
}

void EmbeddingTable::read_positions(const ModelSpec& spec, const WeightSource& source) {
  const WeightReader reader(source, spec.prefixes);
  const std::size_t rows = spec.max_positions + spec.position_offset;
  const TensorView& table = reader.require(spec.names.position_embeddings, {rows, hidden_});
  const std::size_t row_bytes = stored_bytes(table.dtype, hidden_);
  positions_.resize(spec.max_positions * hidden_);
  widen(table.bytes.data() + spec.position_offset * row_bytes, table.dtype, positions_.size(),
        positions_.data());
  reader.release(table);
  std::vector<float> type0;
  read_type(spec, source, type0);
  if (type0.empty()) return;
  for (std::size_t p = 0; p < spec.max_positions; ++p) {
    add(positions_.data() + p * hidden_, type0.data(), hidden_);
  }
}

void EmbeddingTable::read_type(const ModelSpec& spec, const WeightSource& source,
                               std::vector<float>& type0) const {
  const WeightReader reader(source, spec.prefixes);
  if (spec.names.token_type_embeddings.empty()) return;
  const TensorView* types = reader.find(spec.names.token_type_embeddings);
  if (types == nullptr) return;  // some conversions drop the table of a single type
  if (types->shape.size() != 2 || types->shape[0] < 1 ||
      types->shape[1] != static_cast<std::int64_t>(hidden_)) {
    throw Error(ExitCode::model, "tensor {} is not a row of {} elements", types->name, hidden_);
  }
  type0.resize(hidden_);
  widen(types->bytes.data(), types->dtype, hidden_, type0.data());
  if (const LowRankChange* change = source.change_of(*types)) {
    TableChange(*change).add_to(0, type0.data());
  }
}

void EmbeddingTable::read_static_parts(const ModelSpec& spec, const WeightSource& source) {
  const WeightReader reader(source, spec.prefixes);
  if (!spec.names.token_weights.empty()) {
    const TensorView& weights = reader.require(spec.names.token_weights, {vocab_});
    weights_.resize(vocab_);
    if (weights.dtype == DType::f64) {
      for (std::size_t i = 0; i < vocab_; ++i) {
        double v;
        std::memcpy(&v, weights.bytes.data() + i * sizeof v, sizeof v);
        weights_[i] = static_cast<float>(v);
      }
    } else {
      widen(weights.bytes.data(), weights.dtype, vocab_, weights_.data());
    }
    reader.release(weights);
  }
  if (spec.names.token_mapping.empty()) return;
  const TensorView& mapping = reader.require(spec.names.token_mapping, {vocab_});
  mapping_ = read_integers(mapping);
  reader.release(mapping);
  const auto outside = [this](std::int64_t row) { return row < 0 || row >= table_->shape[0]; };
  if (std::any_of(mapping_.begin(), mapping_.end(), outside)) {
    throw Error(ExitCode::model, "tensor {} points outside the {} rows of {}", mapping.name,
                table_->shape[0], table_->name);
  }
}

void EmbeddingTable::check(std::span<const TokenId> ids) const {
  for (const TokenId id : ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= vocab_) {
      throw Error(ExitCode::model,
                  "token id {} is outside the model's {} embeddings: do tokenizer and weights "
                  "belong together?",
                  id, vocab_);
    }
  }
}

const std::byte* EmbeddingTable::row_of(TokenId id) const {
  EMBEDTOOL_CHECK(id >= 0 && static_cast<std::size_t>(id) < vocab_);
  const auto token = static_cast<std::size_t>(id);
  const std::size_t row = mapping_.empty() ? token : static_cast<std::size_t>(mapping_[token]);
  return table_->bytes.data() + row * stored_bytes(table_->dtype, hidden_);
}

void EmbeddingTable::gather(TokenId id, float* out) const {
  widen(row_of(id), table_->dtype, hidden_, out);
  if (!change_.empty()) change_.add_to(static_cast<std::size_t>(id), out);
  if (!weights_.empty()) scale(out, weights_[static_cast<std::size_t>(id)], hidden_);
}

void EmbeddingTable::average(std::span<const TokenId> ids, float* out) const {
  EMBEDTOOL_CHECK(change_.empty());  // no adapter is for a static model
  std::fill_n(out, hidden_, 0.0F);
  if (ids.empty()) return;
  constexpr std::size_t kAtOnce = 64;
  std::array<WeightedRow, kAtOnce> rows;
  for (std::size_t begin = 0; begin < ids.size(); begin += kAtOnce) {
    const std::size_t count = std::min(kAtOnce, ids.size() - begin);
    for (std::size_t i = 0; i < count; ++i) {
      const TokenId id = ids[begin + i];
      rows[i] = {row_of(id), weights_.empty() ? 1.0F : weights_[static_cast<std::size_t>(id)]};
      __builtin_prefetch(rows[i].bytes);
    }
    add_widened(out, std::span(rows).first(count), table_->dtype, hidden_);
  }
  scale(out, 1.0F / static_cast<float>(ids.size()), hidden_);
}

}  // namespace embedtool
