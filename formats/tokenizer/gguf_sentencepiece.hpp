#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace embedtool {

/// What a GGUF file of kind `llama` says about a sentencepiece BPE model.
struct GgufPieces {
  std::vector<std::string_view> texts;
  std::vector<double> scores;       ///< one per piece; higher ones are merged first
  std::vector<std::int64_t> types;  ///< sentencepiece's own numbers; empty = all normal
  bool adds_blank = true;           ///< before a text
  std::string_view charsmap;        ///< of its normalizer; may be empty
};

/// The model as sentencepiece's library stores it (sentencepiece_model.proto), so that the library
/// itself can segment texts. Sizes must agree.
std::string sentencepiece_model_of(const GgufPieces& pieces);

}  // namespace embedtool
