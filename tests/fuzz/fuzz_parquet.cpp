// Hostile shards: whatever the bytes, the reader ends in rows or in an Error, within its bounds.
// Seeds come from tests/interop/write_sample.cpp, the first in each form, the rest by mutation.
#include <cstddef>
#include <cstdint>

#include "core/base/error.hpp"
#include "formats/parquet_reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embedtool;
  const MemoryBytes bytes(std::as_bytes(std::span(data, size)), "fuzz");
  try {
    ParquetReader reader(bytes);
    OutputBlock block;
    while (block.clear(), reader.read(block, {100, std::size_t{1} << 20})) {
      const OutputSpec& spec = reader.spec();
      const std::size_t stride = vector_bytes(spec.type, spec.dims);
      const std::size_t vectors =
          spec.multi_vector ? block.vector_offsets.back() : block.rows.size();
      if (block.vectors.size() != vectors * stride) __builtin_trap();
      if (block.documents.kept.size() != block.rows.size() * spec.kept_fields.size()) {
        __builtin_trap();
      }
    }
  } catch (const Error&) {
  }
  return 0;
}
