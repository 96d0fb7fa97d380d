#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports.hpp"

namespace embedtool {

/// The tensors of a flat state dict written by torch.save(): a ZIP archive of uncompressed members,
/// one of them a pickle that names the tensors. Only the pickle instructions that build dicts,
/// tuples and tensors are followed; nothing is ever called, and a file that needs more is refused.
/// Views point into `bytes`, which must outlive the object. Immutable.
class TorchWeights : public WeightSource {
 public:
  /// `where` names the file. Throws Error(ExitCode::model) naming it and the remedy.
  TorchWeights(std::span<const std::byte> bytes, std::string where);

  const TensorView* find(std::string_view name) const override;
  std::vector<std::string_view> names() const override;
  std::string describe() const override { return where_; }

 private:
  std::string where_;
  std::map<std::string, TensorView, std::less<>> tensors_;
};

}  // namespace embedtool
