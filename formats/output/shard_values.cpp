#include "formats/output/shard_values.hpp"

#include "core/math/kernels.hpp"

namespace embedtool {

void values_of(const OutputSpec& spec, const std::byte* vectors, std::size_t count, float* out) {
  const std::size_t elements = count * spec.dims;
  switch (spec.type) {
    case OutputType::f32:
      widen(vectors, DType::f32, elements, out);
      return;
    case OutputType::f16:
      widen(vectors, DType::f16, elements, out);
      return;
    case OutputType::int8:
      for (std::size_t i = 0; i < elements; ++i) {
        out[i] = static_cast<float>(std::to_integer<std::int8_t>(vectors[i])) * spec.int8_scale;
      }
      return;
    case OutputType::binary: {
      const std::size_t stride = vector_bytes(spec.type, spec.dims);
      for (std::size_t v = 0; v < count; ++v) {
        for (std::size_t d = 0; d < spec.dims; ++d) {
          const auto byte = std::to_integer<unsigned>(vectors[v * stride + d / 8]);
          out[v * spec.dims + d] = ((byte >> (7 - d % 8)) & 1U) != 0 ? 1.0F : -1.0F;
        }
      }
      return;
    }
  }
}

}  // namespace embedtool
