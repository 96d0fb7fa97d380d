#include "core/model/feed_forward.hpp"

#include <string>
#include <vector>

#include "core/math/block_kernels.hpp"

namespace embedtool {
namespace {

/// A gate's activation comes behind the layer, which it shares with what it gates.
Activation up_activation(const ModelSpec& spec) {
  return spec.gated ? Activation::identity : spec.activation;
}

}  // namespace

FeedForward::FeedForward(const ModelSpec& spec, std::size_t layer, const WeightReader& reader,
                         const LinearFactory& make)
    : spec_(spec) {
  const TensorNames& n = spec.names;
  const auto name = [layer](const std::string& pattern) { return layer_name(pattern, layer); };
  std::vector<WeightReader::Part> parts{{name(n.ffn_up), spec.up_width()}};
  if (!n.ffn_gate.empty()) parts = {{name(n.ffn_gate), spec.ffn}, {name(n.ffn_up), spec.ffn}};
  up_ = reader.linear(parts, spec.hidden, up_activation(spec), make);
  down_ = reader.linear({{name(n.ffn_down), spec.hidden}}, spec.ffn, Activation::identity, make);
}

FeedForward::FeedForward(const ModelSpec& spec, std::size_t layer, std::size_t expert,
                         const WeightReader& reader, const LinearFactory& make)
    : spec_(spec) {
  const std::size_t count = spec.experts.count;
  up_ = reader.linear(WeightReader::Slice{layer_name(spec.names.experts_up, layer), expert, count},
                      spec.hidden, spec.up_width(), up_activation(spec), make);
  down_ = reader.linear(WeightReader::Slice{layer_name(spec.names.experts_down, layer), expert,
                                            count, spec.experts.down_by_input},
                        spec.ffn, spec.hidden, Activation::identity, make);
}

void FeedForward::apply(ConstMatrix x, Matrix out, EncodeContext& context) const {
  float* memory = context.workspace.intermediate.data();
  up_.apply(x, {memory, x.height(), spec_.up_width()}, context);
  if (spec_.gated) {
    context.clock.charge_to(Stage::elementwise);
    gate({.x = memory,
          .rows = x.height(),
          .n = spec_.ffn,
          .activation = spec_.activation,
          .gate_second = spec_.gate_second,
          .out = memory});
  }
  down_.apply(ConstMatrix(memory, x.height(), spec_.ffn), out, context);
}

void FeedForward::lay_out(std::size_t rows, WorkspaceLayout& layout) const {
  layout.need(&Workspace::intermediate, rows * spec_.up_width());
  up_.lay_out(layout);
  down_.lay_out(layout);
}

}  // namespace embedtool
