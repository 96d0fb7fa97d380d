// Any bytes as a file of torch.save(), and as the pickle inside of one: an error, or tensors whose
// bytes can all be read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "core/base/error.hpp"
#include "formats/io/damaged.hpp"
#include "formats/weights/torch_file.hpp"
#include "formats/weights/torch_pickle.hpp"
#include "tests/fuzz/whole_tensor.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embedtool;
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    for (const auto& [name, tensor] : read_state_dict(bytes)) {
      if (tensor.shape.size() > 16) std::abort();
    }
  } catch (const Damaged&) {
  }
  try {
    const TorchWeights weights(bytes, "fuzz");
    for (const std::string_view name : weights.names()) {
      abort_unless_whole(*weights.find(name));
    }
  } catch (const Error&) {
  }
  return 0;
}
