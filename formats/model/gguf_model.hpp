#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/model/spec.hpp"
#include "formats/model/sourced.hpp"
#include "formats/weights/gguf.hpp"

namespace embedtool {

/// What a GGUF file says about its model.
struct GgufModel {
  ModelSpec spec;  ///< with llama.cpp's tensor names
  Sourced<Pooling> pooling{Pooling::mean, ""};
  std::vector<std::string> notes;
};

/// Reads the metadata of an embedding model: the architectures of llama.cpp that have a family here
/// (bert, which includes XLM-RoBERTa, nomic-bert, jina-bert-v2, modern-bert, qwen2, qwen3,
/// gemma-embedding, t5encoder). `where` names the file. Throws Error(ExitCode::model).
GgufModel read_gguf_model(const GgufFile& file, const std::string& where);

/// The dense layers after the pooling that EmbeddingGemma's conversion keeps as `dense_2` and
/// `dense_3`; usually none. The specs point at `weights`, which borrows `file`.
std::vector<DenseSpec> read_gguf_dense(const GgufFile& file,
                                       std::vector<std::unique_ptr<WeightSource>>& weights);

}  // namespace embedtool
