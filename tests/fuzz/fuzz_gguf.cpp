// Any bytes as a GGUF file: an error, or metadata and tensors that can all be read, and a model and
// a tokenizer made of them or refused.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/error.hpp"
#include "core/math/gemm_backends.hpp"
#include "core/model/encoder.hpp"
#include "formats/model/gguf_model.hpp"
#include "formats/tokenizer/gguf_tokenizer.hpp"
#include "formats/weights/gguf.hpp"
#include "tests/fuzz/whole_tensor.hpp"
#include "tests/support/encode_vectors.hpp"

namespace {

using namespace embedtool;

void read_tensors(const GgufFile& file) {
  for (const std::string_view name : file.names()) {
    try {
      abort_unless_whole(*file.find(name));
    } catch (const Error&) {
      continue;  // a type that is not read
    }
  }
}

void encode_text(const GgufFile& file) {
  const auto tokenizer = make_tokenizer(read_gguf_tokenizer(file, "fuzz"), "fuzz");
  const auto scratch = tokenizer->make_scratch();
  std::vector<TokenId> ids;
  tokenizer->encode("a b\u00e9  [MASK]\n\u65e5 </s>", {}, *scratch, ids);
}

void encode_ids(const GgufFile& file) {
  const GgufModel model = read_gguf_model(file, "fuzz");
  // What a model of real size would take is no finding.
  if (model.spec.hidden > 256 || model.spec.layers > 4 || model.spec.ffn > 256) return;
  if (model.spec.max_positions > 4096 || model.spec.heads > 64) return;
  if (model.spec.head_dim() > 64) return;
  const Encoder encoder(model.spec, {}, file, *gemm_backends().back());
  const std::vector<TokenId> ids{0, 0};
  testing::encode_vectors(encoder, ids);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const GgufFile file(std::as_bytes(std::span(data, size)), "fuzz");
    read_tensors(file);
    for (void (*step)(const GgufFile&) : {encode_text, encode_ids}) {
      try {
        step(file);
      } catch (const Error&) {
        continue;
      }
    }
  } catch (const Error&) {
    return 0;
  }
  return 0;
}
