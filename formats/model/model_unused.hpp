#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/spec.hpp"
#include "core/ports.hpp"

namespace embedtool {

enum class TensorUse : std::uint8_t {
  none,
  tensor,  ///< read as it is
  layer    ///< of a norm or linear layer
};

/// What an encoder of this shape with this head does with the tensors of `weights`. Borrows the
/// spec.
class TensorUses {
 public:
  TensorUses(const ModelSpec& spec, const HeadSpec& head, const WeightSource& weights);
  /// Of a tensor as it is stored, with a prefix or without.
  TensorUse of(std::string_view stored) const;

 private:
  const ModelSpec& spec_;
  std::map<std::string, TensorUse, std::less<>> uses_;  ///< by the names in the spec
};

/// Tensors of `weights` that an encoder of this shape with this head does not use, counted by the
/// first part of their names: "pooler (2 tensors)", sorted. Index buffers that old checkpoints
/// carry (`position_ids`) are not weights and are not listed.
std::vector<std::string> unused_tensors(const ModelSpec& spec, const HeadSpec& head,
                                        const WeightSource& weights);

}  // namespace embedtool
