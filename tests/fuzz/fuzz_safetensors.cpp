// Any bytes as a safetensors file: an error or tensors whose bytes can all be read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "core/base/error.hpp"
#include "core/base/hash.hpp"
#include "formats/weights/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embedtool;
  SafetensorsWeights weights("fuzz");
  try {
    weights.add_file(std::as_bytes(std::span(data, size)), "fuzz");
  } catch (const Error&) {
    return 0;
  }
  for (const std::string_view name : weights.names()) {
    try {
      const TensorView& tensor = *weights.find(name);
      // Reading every byte lets the address sanitizer see a view beyond the file.
      const Hash128 hash = hash128(tensor.bytes.data(), tensor.bytes.size());
      const bool whole = tensor.bytes.size() ==
                         static_cast<std::size_t>(tensor.elements()) * size_of(tensor.dtype);
      if (!whole || hash.hex().empty()) std::abort();
    } catch (const Error&) {
      continue;  // a type that is not read
    }
  }
  return 0;
}
