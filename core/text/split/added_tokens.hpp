#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/tokenizer_spec.hpp"
#include "core/text/unicode/text_cut.hpp"

namespace embedtool {

/// Finds added tokens in a text, leftmost first and of several at one place the longest, as the
/// reference tokenizer does. Immutable, hence thread-safe.
class AddedTokenMatcher {
 public:
  struct Match {
    std::size_t begin = 0;  ///< includes white space that the token absorbs
    std::size_t end = 0;
    TokenId id = 0;
  };

  /// Empty contents are ignored; of equal ones the first counts.
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }

  /// The first match whose token starts in [begin, end) of `text`. It may reach beyond `end`, but
  /// takes no white space before `begin`. Reads no more of the text than it must.
  std::optional<Match> find(std::string_view text, std::size_t begin, std::size_t end) const;

  /// The cuts that cannot fall inside a token.
  CutRule cuts() const;

 private:
  const AddedToken* longest_at(std::string_view text, std::size_t at) const;
  static bool stands_alone(std::string_view text, std::size_t begin, std::size_t end);

  std::vector<AddedToken> tokens_;  // by first byte, then longest first
  struct Bucket {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  std::array<Bucket, 256> by_first_byte_;
  int only_first_byte_ = -1;  // if all tokens start with the same byte, as "[CLS]" and "[SEP]" do
};

}  // namespace embedtool
