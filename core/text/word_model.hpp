#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// Segments one word into pieces. Immutable, hence thread-safe; what changes lies in a Scratch,
/// one per thread.
class WordModel {
 public:
  class Scratch {
   public:
    virtual ~Scratch() = default;
  };

  virtual ~WordModel() = default;
  virtual std::unique_ptr<Scratch> make_scratch() const = 0;
  /// Appends the ids of `word` (not empty). `scratch` comes from this model's make_scratch().
  virtual void encode(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const = 0;
  virtual const Vocabulary& vocabulary() const = 0;
  virtual TokenId unknown_id() const = 0;
  virtual std::string_view kind() const = 0;
};

/// Throws Error(model), its message headed by `where`, when the unknown token is not in the
/// vocabulary.
std::unique_ptr<WordModel> make_wordpiece(WordPieceSpec spec, const std::string& where);

}  // namespace embedtool
