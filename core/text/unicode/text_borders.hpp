#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace embedtool::unicode {

/// What a border of a text separates, by the default rules of UAX #29 in every language.
enum class TextUnit : std::uint8_t { sentence, word };

/// Finds the borders between the sentences or words of a text. No border is inside a grapheme
/// cluster. Source: UAX #29 as ICU implements it for its root locale; in scripts that are written
/// without spaces, ICU finds words by its dictionaries. Not thread-safe.
class BorderFinder {
 public:
  /// Longer texts cannot be searched, because ICU counts in 32 bits.
  static constexpr std::size_t kMostBytes = 0x7FFFFFFF;

  /// Throws Error(failed) where ICU lacks its data.
  explicit BorderFinder(TextUnit unit);
  ~BorderFinder();
  BorderFinder(const BorderFinder&) = delete;
  BorderFinder& operator=(const BorderFinder&) = delete;

  /// Starts on a text, valid UTF-8 of at most kMostBytes bytes, which stays until the next start().
  void start(std::string_view text);
  /// The first border after byte `at` (at < text.size()); the end of the text is one. Calls with
  /// rising places look at each byte about once.
  std::size_t after(std::size_t at);
  /// Places before byte `at` will not be asked for again.
  void forget_before(std::size_t at);

 private:
  struct Icu;
  std::size_t next();

  std::unique_ptr<Icu> icu_;
  std::string_view text_;
  std::size_t from_ = 0;            ///< known_ has every border between here and its last
  std::vector<std::size_t> known_;  ///< ascending
};

/// Whether a cut at byte `at` surely divides no grapheme cluster. It looks at two characters only,
/// so that it says no in a few places between clusters.
bool is_cluster_border(std::string_view text, std::size_t at);

/// The version of Unicode whose rules BorderFinder follows, such as "15.0".
std::string border_rules_version();

}  // namespace embedtool::unicode
