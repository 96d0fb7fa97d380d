#include "core/model/linear.hpp"

#include "core/base/check.hpp"

namespace embedtool {

void Linear::apply(ConstMatrix x, Matrix y, EncodeContext& context, Stage stage) const {
  EMBEDTOOL_CHECK(x.width() == in_ && x.contiguous() && y.width() == out_ && y.contiguous());
  EMBEDTOOL_CHECK(x.height() == y.height());
  EMBEDTOOL_CHECK(layer_->scratch_bytes() <= context.workspace.gemm.bytes());
  context.clock.charge_to(stage);
  layer_->forward(x.data(), x.height(), y.data(), context.workspace.gemm.data());
}

void Linear::lay_out(WorkspaceLayout& layout) const {
  if (!empty()) layout.need(&Workspace::gemm, layer_->scratch_bytes());
}

}  // namespace embedtool
