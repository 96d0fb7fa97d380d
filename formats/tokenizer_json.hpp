#pragma once

#include <string>
#include <string_view>

#include "core/text/tokenizer_spec.hpp"
#include "core/text/vocabulary.hpp"

namespace embedtool {

/// What a tokenizer.json says.
struct TokenizerJson {
  TokenizerSpec spec;
  /// The model's type where it is not one that we run from this file ("Unigram", "BPE", …); `spec`
  /// then lacks model, normalizer and pre-tokenizer.
  std::string foreign_model;
  Vocabulary foreign_vocabulary;  ///< of a foreign Unigram model: pieces and ids
};

enum class ForeignModels : bool { refuse, accept };

/// Throws Error(model), headed by `where`, for what is malformed and for components not known.
TokenizerJson read_tokenizer_json(std::string_view text, const std::string& where,
                                  ForeignModels foreign);

}  // namespace embedtool
