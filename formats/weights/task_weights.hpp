#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports.hpp"

namespace embedtool {

/// A model's tensors in whose file each matrix has an adapter for every task beside it, as torch's
/// parametrizations save them (Jina embeddings v3): `MODULE.parametrizations.weight.original`
/// [out, in], which is called `MODULE.weight` here, `….weight.0.lora_A` [tasks, rank, in] and
/// `….weight.0.lora_B` [tasks, out, rank]; of embedding tables `lora_A` [tasks, rows, rank] and
/// `lora_B` [tasks, rank, columns]. One task's adapter changes the matrices (change_of()), or none.
/// Owns its base. Thread-safe but for choose().
class TaskWeights : public WeightSource {
 public:
  /// `alpha` / rank is how much of an adapter counts. Throws Error(ExitCode::model) naming a tensor
  /// that does not fit the others.
  TaskWeights(std::unique_ptr<WeightSource> base, std::size_t tasks, double alpha);

  /// From now on the matrices have this task's changes; `task` < tasks.
  void choose(std::size_t task);

  const TensorView* find(std::string_view name) const override;
  std::vector<std::string_view> names() const override;
  const LowRankChange* change_of(const TensorView& tensor) const override;
  void release(const TensorView& tensor) const override { base_->release(tensor); }
  std::string describe() const override { return base_->describe(); }

 private:
  struct Adapter {
    const TensorView* matrix;
    const TensorView* down;  ///< [tasks, rank, in]
    const TensorView* up;    ///< [tasks, out, rank]
  };
  void add_matrix(std::string_view original);
  const TensorView& part_of(std::string_view module, std::string_view part) const;
  /// One task's matrix of three dimensions.
  const TensorView* slice(const TensorView& tensor, std::size_t task);
  [[noreturn]] void fail(std::string_view tensor, const std::string& what) const;

  std::unique_ptr<WeightSource> base_;
  std::size_t tasks_;
  double alpha_;
  std::map<std::string, const TensorView*, std::less<>> matrices_;  ///< by their name here
  std::vector<std::string_view> others_;
  std::vector<Adapter> adapters_;
  std::deque<TensorView> slices_;  ///< of the chosen task
  std::map<const TensorView*, LowRankChange> changes_;
};

}  // namespace embedtool
