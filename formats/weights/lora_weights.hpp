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

/// How much of up · down counts, as adapter_config.json says.
struct LoraScaling {
  double alpha = 8.0;
  bool by_root = false;                    ///< alpha / √rank (rsLoRA) instead of alpha / rank
  std::map<std::string, double> alpha_of;  ///< of modules whose path ends in the name

  /// Throws Error(ExitCode::model) where two names of alpha_of fit.
  double factor(std::string_view module, std::size_t rank) const;
};

/// A model's tensors with a LoRA adapter of PEFT's format over them. Matrices of linear layers and
/// embedding tables get a change (change_of()), so that no second copy stands in memory; tensors
/// that the adapter holds whole, such as biases, take the place of the model's.
///
/// The adapter's names are `base_model.model.MODULE.lora_A.weight` [rank, in], `….lora_B.weight`
/// [out, rank], of embedding tables `….lora_embedding_A` [rank, rows] and `….lora_embedding_B`
/// [columns, rank], and `base_model.model.TENSOR`, where MODULE may lack a prefix of the model's
/// names or have one that they lack. Owns both sources. Immutable after construction, hence
/// thread-safe.
class LoraWeights : public WeightSource {
 public:
  /// `prefixes` are those of the model's family. Throws Error(ExitCode::model) naming the tensor of
  /// the adapter that is not understood or does not fit the model's, or if none of them does.
  LoraWeights(std::unique_ptr<WeightSource> base, std::unique_ptr<WeightSource> adapter,
              const LoraScaling& scaling, const std::vector<std::string>& prefixes);

  const TensorView* find(std::string_view name) const override;
  std::vector<std::string_view> names() const override { return base_->names(); }
  const LowRankChange* change_of(const TensorView& tensor) const override;
  void release(const TensorView& tensor) const override { base_->release(tensor); }
  std::string describe() const override { return base_->describe(); }

  /// The model's tensors that have a change.
  const std::vector<std::string>& changed() const { return changed_; }
  std::size_t replaced() const { return replaced_.size(); }
  /// What the adapter has for layers that the model lacks, such as a classifier.
  const std::vector<std::string>& left_out() const { return left_out_; }

 private:
  class Matcher;
  void add_linear(std::string_view name, const Matcher& matcher, const LoraScaling& scaling);
  void add_table(std::string_view name, const Matcher& matcher, const LoraScaling& scaling);
  void add_change(std::string_view module, const TensorView& down, const TensorView& up,
                  const Matcher& matcher, const LoraScaling& scaling);
  /// The tensor that is called as `name` is, with `other` in the place of its ending.
  const TensorView& partner(std::string_view name, std::string_view ending,
                            std::string_view other) const;
  const TensorView& transposed(const TensorView& tensor);
  void add_whole(std::string_view name, const Matcher& matcher);
  [[noreturn]] void fail(std::string_view tensor, const std::string& what) const;

  std::unique_ptr<WeightSource> base_;
  std::unique_ptr<WeightSource> adapter_;
  std::map<const TensorView*, LowRankChange> changes_;  // of base_, whose views stay where they are
  std::deque<std::vector<float>> turned_;
  std::deque<TensorView> turned_views_;
  std::vector<std::string> changed_;
  std::map<std::string, const TensorView*, std::less<>> replaced_;
  std::vector<std::string> left_out_;
};

}  // namespace embedtool
