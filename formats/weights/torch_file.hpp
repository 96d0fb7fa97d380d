#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ports.hpp"
#include "formats/io/file_set.hpp"

namespace embedtool {

/// The tensors of one or several flat state dicts written by torch.save(): each a ZIP archive of
/// uncompressed members, one of them a pickle that names the tensors. Only the pickle instructions
/// that build dicts, tuples and tensors are followed; nothing is ever called, and a file that needs
/// more is refused. Views point into the given bytes; nothing is copied. A tensor of a type that is
/// not read, or that is not stored row by row, is an error only when it is requested.
class TorchWeights : public WeightSource {
 public:
  /// `description` says where the weights come from; `files`, which must outlive the object, is
  /// where the bytes come from, so that they can be released.
  explicit TorchWeights(std::string description, const FileSet* files = nullptr)
      : description_(std::move(description)), files_(files) {}
  /// One file; see add_file().
  TorchWeights(std::span<const std::byte> bytes, const std::string& where) : TorchWeights(where) {
    add_file(bytes, where);
  }

  /// Reads one file's pickle and directory. `bytes` must outlive the object; `where` names the
  /// file. Throws Error(ExitCode::model) naming it and the remedy, also for a tensor that an
  /// earlier file has. Not thread-safe, unlike the other functions.
  void add_file(std::span<const std::byte> bytes, const std::string& where);

  /// Throws Error(ExitCode::model) if the tensor exists but cannot be read.
  const TensorView* find(std::string_view name) const override;
  std::vector<std::string_view> names() const override;
  void release(const TensorView& tensor) const override {
    if (files_ != nullptr) files_->release(tensor.bytes);
  }
  std::string describe() const override { return description_; }

 private:
  struct Entry {
    TensorView view;
    std::string fault;  ///< why it cannot be read; "" if it can
  };

  std::string description_;
  const FileSet* files_;
  std::map<std::string, Entry, std::less<>> tensors_;  // nodes do not move: views stay valid
};

}  // namespace embedtool
