#pragma once

#include <memory>
#include <vector>

#include "core/model/spec.hpp"
#include "core/ports.hpp"
#include "core/text/tokenizer.hpp"
#include "formats/io/file_set.hpp"
#include "formats/model/model_head.hpp"

namespace embedtool {

/// The heads that bge-m3 stores with its encoder (Chen et al. 2024): `sparse_linear`, a weight for
/// each token of the text, and `colbert_linear`, a vector for each token but the first; each a .pt
/// or a .safetensors file of a weight and a bias. Empty if the folder has neither. `tokenizer`
/// gives the ids of the special tokens, whose weight is 0. `weights` receives what the specs point
/// to. Throws Error(ExitCode::model).
std::vector<HeadChoice> read_m3_heads(const FileSet& files, const ModelSpec& spec,
                                      const Tokenizer* tokenizer,
                                      std::vector<std::unique_ptr<WeightSource>>& weights);

}  // namespace embedtool
