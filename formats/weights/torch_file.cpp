#include "formats/weights/torch_file.hpp"

#include <array>
#include <utility>

#include "core/base/error.hpp"
#include "formats/io/damaged.hpp"
#include "formats/weights/torch_pickle.hpp"
#include "formats/weights/zip_members.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kMaxRank = 16;

struct StorageType {
  std::string_view name;
  DType type;
};
constexpr std::array<StorageType, 3> kStorageTypes{
    {{"FloatStorage", DType::f32}, {"HalfStorage", DType::f16}, {"BFloat16Storage", DType::bf16}}};

DType type_of(const std::string& storage) {
  for (const StorageType& known : kStorageTypes) {
    if (known.name == storage) return known.type;
  }
  throw Damaged("a tensor's type is not float32, float16 or bfloat16");
}

/// Number of elements of a contiguous tensor.
std::uint64_t elements_of(const PickledTensor& tensor) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
  require(tensor.shape.size() <= kMaxRank && tensor.shape.size() == tensor.strides.size(),
          "a tensor's shape is damaged");
  std::uint64_t count = 1;
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    require(tensor.shape[i] > 0 && static_cast<std::uint64_t>(tensor.shape[i]) <= kMost / count,
            "a tensor's shape is damaged");
    const bool row_major = static_cast<std::uint64_t>(tensor.strides[i]) == count;
    require(row_major || tensor.shape[i] == 1, "a tensor is not stored row by row");
    count *= static_cast<std::uint64_t>(tensor.shape[i]);
  }
  return count;
}

TensorView view_of(const std::string& name, const PickledTensor& tensor,
                   std::span<const std::byte> storage) {
  TensorView view;
  view.name = name;
  view.dtype = type_of(tensor.storage_type);
  view.shape = tensor.shape;
  const std::uint64_t count = elements_of(tensor);
  const std::uint64_t stored = storage.size() / size_of(view.dtype);
  require(tensor.offset >= 0 && static_cast<std::uint64_t>(tensor.offset) <= stored &&
              count <= stored - static_cast<std::uint64_t>(tensor.offset),
          "a tensor extends beyond its storage");
  view.bytes = storage.subspan(static_cast<std::size_t>(tensor.offset) * size_of(view.dtype),
                               count * size_of(view.dtype));
  return view;
}

}  // namespace

TorchWeights::TorchWeights(std::span<const std::byte> bytes, std::string where)
    : where_(std::move(where)) {
  constexpr std::string_view kRemedy =
      "only a state dict written by torch.save() is supported: write it again in Python, "
      "safetensors.torch.save_file(torch.load(FILE), NAME.safetensors)";
  naming_damage(where_, ExitCode::model, kRemedy, [&] {
    const auto members = zip_members(bytes);
    // All members lie in one folder, whose name is the file's of the time.
    std::string folder;
    std::span<const std::byte> pickle;
    for (const auto& [name, data] : members) {
      if (!name.ends_with("data.pkl")) continue;
      folder = name.substr(0, name.size() - 8);
      pickle = data;
    }
    require(!pickle.empty(), "it holds no data.pkl");
    for (const auto& [name, tensor] : read_state_dict(pickle)) {
      const auto storage = members.find(folder + "data/" + tensor.key);
      require(storage != members.end(), "a tensor's storage is missing");
      tensors_.emplace(name, view_of(name, tensor, storage->second));
    }
  });
}

const TensorView* TorchWeights::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

std::vector<std::string_view> TorchWeights::names() const {
  std::vector<std::string_view> out;
  for (const auto& [name, tensor] : tensors_) out.push_back(name);
  return out;
}

}  // namespace embedtool
