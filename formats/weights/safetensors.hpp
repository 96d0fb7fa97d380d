#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports.hpp"
#include "formats/io/file_set.hpp"

namespace embedtool {

/// Tensors of one or several safetensors files, read in place: views point into the given bytes;
/// nothing is copied. Every tensor can be found by name; one of an unsupported type is an error
/// only when it is requested.
///
/// The layout (safetensors 0.4): 8 bytes header length, little endian; a JSON object {name: {dtype,
/// shape, data_offsets: [begin, end]}} with an optional `__metadata__`; the data, which the tensors
/// cover without gaps or overlap.
class SafetensorsWeights : public WeightSource {
 public:
  /// `description` says where the weights come from, for messages; `files`, which must outlive the
  /// object, is where the bytes come from, so that they can be released.
  explicit SafetensorsWeights(std::string description, const FileSet* files = nullptr)
      : description_(std::move(description)), files_(files) {}

  /// Reads the header of one file. `bytes` must outlive the object; `where` names the file. Throws
  /// Error(ExitCode::model) naming the file and the tensor if anything is wrong, including a
  /// duplicate name. Not thread-safe, unlike the other functions.
  void add_file(std::span<const std::byte> bytes, const std::string& where);

  /// Throws Error(ExitCode::model) if the tensor exists but its type is not supported.
  const TensorView* find(std::string_view name) const override;
  std::vector<std::string_view> names() const override;
  void release(const TensorView& tensor) const override {
    if (files_ != nullptr) files_->release(tensor.bytes);
  }
  std::string describe() const override { return description_; }

 private:
  struct Entry {
    TensorView view;
    std::optional<std::string> unknown_type;  // what the header calls it; view.dtype means nothing
    std::string where;
  };

  std::string description_;
  const FileSet* files_;
  std::map<std::string, Entry, std::less<>> entries_;  // nodes do not move: views stay valid
};

}  // namespace embedtool
