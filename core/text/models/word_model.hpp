#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// How a word is connected to the calls before and after.
enum class Joint : std::uint8_t {
  none,      ///< the word is complete
  starts,    ///< it may continue in the next call, at a cut that cuts_before() allows
  continues  ///< it continues the last call's word, and may continue further
};

/// Segments one word into pieces. Immutable, hence thread-safe; mutable state is in a Scratch, one
/// per thread.
class WordModel {
 public:
  class Scratch {
   public:
    virtual ~Scratch() = default;
  };

  virtual ~WordModel() = default;
  virtual std::unique_ptr<Scratch> make_scratch() const = 0;
  /// Appends the ids of `word` (not empty). `scratch` comes from this model's make_scratch().
  virtual void encode(std::string_view word, Joint joint, Scratch& scratch,
                      std::vector<TokenId>& out) const = 0;
  /// Whether a word may be encoded in halves, the second beginning with `mark` and the first not
  /// ending with it.
  virtual bool cuts_before(std::string_view mark) const = 0;
  virtual const Vocabulary& vocabulary() const = 0;
  virtual TokenId unknown_id() const = 0;  ///< Vocabulary::kAbsent if there is none
  virtual std::string_view kind() const = 0;
};

/// Each throws Error(model), its message prefixed with `where`, if the parts do not fit together.
std::unique_ptr<WordModel> make_wordpiece(WordPieceSpec spec, const std::string& where);
std::unique_ptr<WordModel> make_bpe(BpeSpec spec, const std::string& where);
std::unique_ptr<WordModel> make_unigram(UnigramSpec spec, const std::string& where);

/// The id of each byte's token, "<0x00>" to "<0xFF>"; Vocabulary::kAbsent if there is none.
std::vector<TokenId> byte_tokens(const Vocabulary& vocabulary);

/// Whether `token` holds `mark` right after something else.
bool holds_inside(std::string_view token, std::string_view mark);

}  // namespace embedtool
