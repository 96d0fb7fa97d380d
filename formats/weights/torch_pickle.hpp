#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace embedtool {

/// What a pickle says about one tensor of a state dict.
struct PickledTensor {
  std::string storage_type;  ///< "FloatStorage", …
  std::string key;           ///< of the storage: the member data/KEY holds it
  std::int64_t offset = 0;   ///< in elements
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
};

/// Reads the pickle of a flat state dict, protocol 2, as torch.save() writes it: the tensors by
/// name. The names that the pickle would call are compared with four known ones and never called.
/// Throws Damaged for everything else.
std::map<std::string, PickledTensor> read_state_dict(std::span<const std::byte> pickle);

}  // namespace embedtool
