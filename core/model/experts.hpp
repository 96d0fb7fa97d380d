#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/math/gemm.hpp"
#include "core/math/matrix.hpp"
#include "core/model/blocking.hpp"
#include "core/model/feed_forward.hpp"
#include "core/model/linear.hpp"
#include "core/model/spec.hpp"
#include "core/model/weights.hpp"
#include "core/model/workspace.hpp"

namespace embedtool {

/// A token's logits → the weights of the experts: their softmax, of which all but the `chosen`
/// largest become 0, as they are (the rest is not scaled up). Of equal ones the first is taken.
void choose_experts(std::span<float> logits, std::size_t chosen);

/// The feed-forward networks of a layer that has several: out = bias + Σ weight · expert(x) over
/// the experts that the router chooses for the token. A token's sum is in the order of the experts,
/// whatever other tokens there are. Immutable, thread-safe; borrows spec.
class Experts {
 public:
  /// Throws Error(model) naming a tensor that is missing or does not fit.
  Experts(const ModelSpec& spec, const Blocking& blocking, std::size_t layer,
          const WeightReader& reader, const LinearFactory& make);

  /// x [rows, hidden] → [rows, hidden] in Workspace::mixture.
  Matrix apply(ConstMatrix x, EncodeContext& context) const;

  /// `rows`: the most that apply() gets.
  void lay_out(std::size_t rows, WorkspaceLayout& layout) const;
  double flops() const;
  std::size_t owned_bytes() const;
  std::size_t borrowed_bytes() const;

 private:
  void add_expert(std::size_t expert, ConstMatrix x, ConstMatrix weights, Matrix out,
                  EncodeContext& context) const;

  const ModelSpec& spec_;
  std::size_t chunk_;  ///< rows
  Linear router_;
  std::vector<float> bias_;
  std::vector<FeedForward> experts_;
};

}  // namespace embedtool
