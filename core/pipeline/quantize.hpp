#pragma once

#include <cstddef>

#include "core/data.hpp"
#include "core/model/encoder.hpp"
#include "core/text/tokenizer.hpp"

namespace embedtool {

/// Converts a finished f32 vector to the output type; `out` has vector_bytes(type, dims) bytes.
/// int8_scale: value of one int8 step, for OutputType::int8 only.
void quantize(const float* vector, std::size_t dims, OutputType type, float int8_scale,
              std::byte* out);

/// The scale of int8 output: the largest magnitude of the model's vectors for a fixed set of texts
/// (many scripts, lengths and kinds), divided by 127; larger values saturate. It depends only on
/// the model, never on the corpus or a batch; the same therefore holds for a text's int8 vector.
/// `tokenizer` may be null: fixed pseudo-random ids then replace the texts.
float calibrate_int8(const Encoder& encoder, const Tokenizer* tokenizer, std::size_t max_tokens);

}  // namespace embedtool
