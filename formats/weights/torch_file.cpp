#include "formats/weights/torch_file.hpp"

#include <fmt/core.h>

#include <array>
#include <optional>
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
constexpr std::array<StorageType, 9> kStorageTypes{{{"FloatStorage", DType::f32},
                                                    {"HalfStorage", DType::f16},
                                                    {"BFloat16Storage", DType::bf16},
                                                    {"DoubleStorage", DType::f64},
                                                    {"LongStorage", DType::i64},
                                                    {"IntStorage", DType::i32},
                                                    {"CharStorage", DType::i8},
                                                    {"ByteStorage", DType::u8},
                                                    {"BoolStorage", DType::boolean}}};

std::optional<DType> type_of(const std::string& storage) {
  for (const StorageType& known : kStorageTypes) {
    if (known.name == storage) return known.type;
  }
  return std::nullopt;
}

bool is_row_major(const PickledTensor& tensor) {
  std::uint64_t step = 1;
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    if (static_cast<std::uint64_t>(tensor.strides[i]) != step && tensor.shape[i] != 1) return false;
    step *= static_cast<std::uint64_t>(tensor.shape[i]);
  }
  return true;
}

/// Number of elements of a tensor.
std::uint64_t elements_of(const PickledTensor& tensor) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
  require(tensor.shape.size() <= kMaxRank && tensor.shape.size() == tensor.strides.size(),
          "a tensor's shape is damaged");
  std::uint64_t count = 1;
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    require(tensor.shape[i] > 0 && static_cast<std::uint64_t>(tensor.shape[i]) <= kMost / count,
            "a tensor's shape is damaged");
    count *= static_cast<std::uint64_t>(tensor.shape[i]);
  }
  return count;
}

/// The tensor in its storage. Precondition: its type is known, and it is stored row by row.
TensorView view_of(const std::string& name, const PickledTensor& tensor, DType type,
                   std::span<const std::byte> storage) {
  TensorView view;
  view.name = name;
  view.dtype = type;
  view.shape = tensor.shape;
  const std::uint64_t count = elements_of(tensor);
  const std::uint64_t stored = storage.size() / size_of(type);
  require(tensor.offset >= 0 && static_cast<std::uint64_t>(tensor.offset) <= stored &&
              count <= stored - static_cast<std::uint64_t>(tensor.offset),
          "a tensor extends beyond its storage");
  view.bytes = storage.subspan(static_cast<std::size_t>(tensor.offset) * size_of(type),
                               count * size_of(type));
  return view;
}

}  // namespace

void TorchWeights::add_file(std::span<const std::byte> bytes, const std::string& where) {
  constexpr std::string_view kRemedy =
      "only a state dict written by torch.save() of PyTorch 1.6 or later is supported: write it "
      "again in Python, safetensors.torch.save_file(torch.load(FILE), NAME.safetensors)";
  naming_damage(where, ExitCode::model, kRemedy, [&] {
    const auto members = zip_members(bytes);
    // All members are in one folder, whose name is what the file was called at the time.
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
      elements_of(tensor);  // checks the shape
      Entry entry;
      const auto type = type_of(tensor.storage_type);
      if (!type) {
        entry.fault = fmt::format("{}: tensor '{}' is a {}", where, name, tensor.storage_type);
      } else if (!is_row_major(tensor)) {
        entry.fault = fmt::format("{}: tensor '{}' is not stored row by row", where, name);
      } else {
        entry.view = view_of(name, tensor, *type, storage->second);
      }
      require(tensors_.emplace(name, std::move(entry)).second, "a tensor appears twice");
    }
  });
}

const TensorView* TorchWeights::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return nullptr;
  const Entry& entry = found->second;
  if (entry.fault.empty()) return &entry.view;
  throw Error(ExitCode::model, "{}, which is not supported; save the model anew in Python",
              entry.fault);
}

std::vector<std::string_view> TorchWeights::names() const {
  std::vector<std::string_view> out;
  for (const auto& [name, entry] : tensors_) out.push_back(name);
  return out;
}

}  // namespace embedtool
