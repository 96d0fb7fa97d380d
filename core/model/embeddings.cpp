#include "core/model/embeddings.hpp"

#include "core/math/kernels.hpp"

namespace embedtool {

Embeddings::Embeddings(const ModelSpec& spec, const WeightSource& weights,
                       const WeightReader& reader, const LinearFactory& make)
    : spec_(spec), table_(spec, weights) {
  const TensorNames& n = spec.names;
  if (!n.embedding_norm.empty()) {
    norm_ = Norm(spec, reader, n.embedding_norm, spec.table_width());
  }
  if (!n.embedding_projection.empty()) {
    projection_ = reader.linear({{n.embedding_projection, spec.hidden}}, spec.table_width(),
                                Activation::identity, make);
  }
}

bool Embeddings::only_looks_up() const {
  return norm_.empty() && projection_.empty() && table_.position_row(0) == nullptr &&
         spec_.embedding_scale == 1.0F;
}

void Embeddings::look_up(const Batch& batch, Matrix rows) const {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (std::size_t t = batch.offsets[i]; t < batch.offsets[i + 1]; ++t) {
      table_.gather(batch.ids[t], rows.row_data(t));
      const float* position = table_.position_row(t - batch.offsets[i]);
      if (position != nullptr) add(rows.row_data(t), position, rows.width());
    }
  }
}

void Embeddings::apply(const Batch& batch, Matrix states, EncodeContext& context) const {
  const Matrix rows(projection_.empty() ? states.data() : context.workspace.embedded.data(),
                    batch.tokens(), spec_.table_width());
  context.clock.charge_to(Stage::lookup);
  look_up(batch, rows);
  context.clock.charge_to(Stage::elementwise);
  if (spec_.embedding_scale != 1.0F) {
    scale(rows.data(), spec_.embedding_scale, rows.height() * rows.width());
  }
  if (!norm_.empty()) norm_.apply(rows, rows);
  if (!projection_.empty()) projection_.apply(rows, states, context);
}

void Embeddings::lay_out(std::size_t rows, WorkspaceLayout& layout) const {
  if (!projection_.empty()) layout.need(&Workspace::embedded, rows * spec_.table_width());
  projection_.lay_out(layout);
}

}  // namespace embedtool
