// Any bytes as a safetensors file: an error or tensors whose bytes can all be read.
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/error.hpp"
#include "formats/weights/safetensors.hpp"
#include "tests/fuzz/whole_tensor.hpp"

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
      abort_unless_whole(*weights.find(name));
    } catch (const Error&) {
      continue;  // a type that is not read
    }
  }
  return 0;
}
