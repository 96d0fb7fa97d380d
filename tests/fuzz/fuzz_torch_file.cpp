// Any bytes as a file of torch.save(), and as the pickle inside of one: an error, or tensors whose
// bytes can all be read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "core/base/error.hpp"
#include "core/base/hash.hpp"
#include "formats/weights/torch_file.hpp"
#include "formats/weights/torch_pickle.hpp"
#include "formats/weights/zip_members.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embedtool;
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    for (const auto& [name, tensor] : read_state_dict(bytes)) {
      if (tensor.shape.size() > 16) std::abort();
    }
  } catch (const BadArchive&) {
  }
  try {
    const TorchWeights weights(bytes, "fuzz");
    for (const std::string_view name : weights.names()) {
      const TensorView& tensor = *weights.find(name);
      // Reading every byte lets the address sanitizer see a view beyond the file.
      const Hash128 hash = hash128(tensor.bytes.data(), tensor.bytes.size());
      const bool whole = tensor.bytes.size() ==
                         static_cast<std::size_t>(tensor.elements()) * size_of(tensor.dtype);
      if (!whole || hash.hex().empty()) std::abort();
    }
  } catch (const Error&) {
  }
  return 0;
}
