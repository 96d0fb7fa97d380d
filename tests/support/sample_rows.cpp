#include "tests/support/sample_rows.hpp"

namespace embedtool::testing {

OutputSpec sample_spec(OutputType type, std::size_t dims, bool multi, std::size_t kept) {
  OutputSpec spec;
  spec.type = type;
  spec.dims = dims;
  if (multi) spec.kind = RowKind::multi;
  spec.int8_scale = type == OutputType::int8 ? 0.0078125F : 0.0F;
  for (std::size_t i = 0; i < kept; ++i) {
    spec.kept_fields.push_back({"field_" + std::to_string(i), static_cast<FieldType>(i % 4)});
  }
  spec.metadata = {{"model", "sample \"model\""}, {"settings", "{\"pooling\":\"mean\"}"}};
  return spec;
}

OutputSpec sparse_spec(std::size_t dims, std::size_t kept) {
  OutputSpec spec = sample_spec(OutputType::f32, dims, false, kept);
  spec.kind = RowKind::sparse;
  static constexpr const char* kHeads[] = {"##", "\xE2\x96\x81", "\"", "caf\xC3\xA9", "", "a\\"};
  auto names = std::make_shared<std::vector<std::string>>();
  for (std::size_t i = 0; i < dims; ++i) {
    names->push_back(kHeads[i % std::size(kHeads)] + std::to_string(i));
  }
  spec.tokens = std::move(names);
  return spec;
}

std::vector<OutputSpec> all_specs() {
  std::vector<OutputSpec> specs;
  for (const OutputType type :
       {OutputType::f32, OutputType::f16, OutputType::int8, OutputType::binary}) {
    for (const bool multi : {false, true}) {
      specs.push_back(sample_spec(type, 24, multi, 1));
    }
  }
  specs.push_back(sparse_spec(300, 1));
  return specs;
}

EmbeddingBlock part_of(const SampleRows& all, const OutputSpec& spec, std::size_t first,
                       std::size_t last) {
  EmbeddingBlock block = all.view();
  block.rows = block.rows.subspan(first, last - first);
  if (spec.ragged()) {
    block.offsets = block.offsets.subspan(first, last - first + 1);
  } else {
    const std::size_t size = spec.vector_bytes();
    block.vectors = block.vectors.subspan(first * size, (last - first) * size);
  }
  return block;
}

}  // namespace embedtool::testing
