#include "core/model/block.hpp"

#include <algorithm>

#include "core/math/block_kernels.hpp"
#include "core/math/kernels.hpp"

namespace embedtool {

Norm::Norm(const ModelSpec& spec, const WeightReader& reader, const std::string& prefix,
           std::size_t size)
    : kind_(spec.norm), eps_(spec.norm_eps), scale_(reader.norm_scale(prefix, size)) {
  if (kind_ == NormKind::rms_plus_one) {
    for (float& factor : scale_) factor += 1.0F;
  } else if (kind_ == NormKind::layer) {
    shift_ = spec.norm_bias ? reader.norm_shift(prefix, size) : std::vector<float>(size, 0.0F);
  }
}

void Norm::apply(const float* x, std::size_t rows, float* out) const {
  if (kind_ == NormKind::layer) {
    layer_norm({x, nullptr, scale_.data(), shift_.data(), eps_, rows, scale_.size(), out});
  } else {
    rms_norm({x, scale_.data(), eps_, rows, scale_.size(), out});
  }
}

void Norm::apply_sum(float* x, const float* residual, std::size_t rows, float* out) const {
  if (kind_ == NormKind::layer) {
    layer_norm({x, residual, scale_.data(), shift_.data(), eps_, rows, scale_.size(), out});
  } else {
    add(x, residual, rows * scale_.size());
    rms_norm({x, scale_.data(), eps_, rows, scale_.size(), out});
  }
}

Block::Block(const ModelSpec& spec, std::size_t layer, const WeightReader& reader,
             const LinearFactory& make) {
  const std::size_t h = spec.hidden;
  const TensorNames& n = spec.names;
  const auto name = [layer](const std::string& pattern) { return layer_name(pattern, layer); };
  const auto norm = [&](const std::string& pattern, std::size_t size) {
    return pattern.empty() ? Norm() : Norm(spec, reader, name(pattern), size);
  };
  std::vector<WeightReader::Part> parts{{name(n.query), spec.qkv_width()}};
  if (!n.key.empty()) {
    parts = {{name(n.query), spec.query_width()},
             {name(n.key), spec.key_width()},
             {name(n.value), spec.key_width()}};
  }
  qkv = reader.linear(parts, h, Activation::identity, make);
  query_norm = norm(n.query_norm, spec.norms_whole_query ? spec.query_width() : spec.head_dim());
  key_norm = norm(n.key_norm, spec.norms_whole_query ? spec.key_width() : spec.head_dim());
  attention_output = reader.linear({{name(n.attention_output), h}}, spec.query_width(),
                                   Activation::identity, make);
  if (layer > 0 || spec.first_norm) attention_norm = norm(n.attention_norm, h);
  attention_post_norm = norm(n.attention_post_norm, h);
  parts = {{name(n.ffn_up), spec.up_width()}};
  if (!n.ffn_gate.empty()) parts = {{name(n.ffn_gate), spec.ffn}, {name(n.ffn_up), spec.ffn}};
  ffn_up = reader.linear(parts, h, spec.gated ? Activation::identity : spec.activation, make);
  ffn_down = reader.linear({{name(n.ffn_down), h}}, spec.ffn, Activation::identity, make);
  ffn_norm = norm(n.ffn_norm, h);
  ffn_post_norm = norm(n.ffn_post_norm, h);
}

std::size_t Block::scratch_bytes() const {
  return std::max({qkv->scratch_bytes(), attention_output->scratch_bytes(), ffn_up->scratch_bytes(),
                   ffn_down->scratch_bytes()});
}

std::size_t Block::owned_bytes() const {
  return qkv->owned_bytes() + attention_output->owned_bytes() + ffn_up->owned_bytes() +
         ffn_down->owned_bytes();
}

std::size_t Block::borrowed_bytes() const {
  return qkv->borrowed_bytes() + attention_output->borrowed_bytes() + ffn_up->borrowed_bytes() +
         ffn_down->borrowed_bytes();
}

}  // namespace embedtool
