#include "core/model/norm.hpp"

#include "core/base/check.hpp"
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

void Norm::apply(ConstMatrix x, Matrix out) const {
  EMBEDTOOL_CHECK(x.width() == scale_.size() && x.contiguous() && out.contiguous());
  if (kind_ == NormKind::layer) {
    layer_norm({.x = x.data(),
                .residual = nullptr,
                .gamma = scale_.data(),
                .beta = shift_.data(),
                .eps = eps_,
                .rows = x.height(),
                .n = scale_.size(),
                .out = out.data()});
  } else {
    rms_norm({.x = x.data(),
              .gamma = scale_.data(),
              .eps = eps_,
              .rows = x.height(),
              .n = scale_.size(),
              .out = out.data()});
  }
}

void Norm::apply_sum(Matrix x, ConstMatrix residual, Matrix out) const {
  EMBEDTOOL_CHECK(x.width() == scale_.size() && x.contiguous() && out.contiguous());
  if (kind_ == NormKind::layer) {
    layer_norm({.x = x.data(),
                .residual = residual.data(),
                .gamma = scale_.data(),
                .beta = shift_.data(),
                .eps = eps_,
                .rows = x.height(),
                .n = scale_.size(),
                .out = out.data()});
  } else {
    add(x.data(), residual.data(), x.height() * scale_.size());
    apply(x, out);
  }
}

ConstMatrix Residual::input(ConstMatrix x, EncodeContext& context) const {
  if (placement_ == BlockNorms::post || norm_.empty()) return x;
  context.clock.charge_to(Stage::elementwise);
  const Matrix normed(context.workspace.normed.data(), x.height(), x.width());
  norm_.apply(x, normed);
  return normed;
}

void Residual::add(Matrix y, Matrix x, EncodeContext& context) const {
  context.clock.charge_to(Stage::elementwise);
  if (placement_ == BlockNorms::post) {
    if (!post_norm_.empty()) post_norm_.apply_sum(y, x, y);
    return norm_.apply_sum(y, x, x);
  }
  if (!post_norm_.empty()) post_norm_.apply(y, y);
  embedtool::add(x.data(), y.data(), x.height() * x.width());
}

}  // namespace embedtool
