// The scanners of known expressions find what PCRE2 finds with the expression itself.
#include "core/text/split/pattern.hpp"

#include <gtest/gtest.h>

#include <random>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

constexpr const char* kKnown[] = {
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"(\s+)",
    R"(\s{2,})",
    " +",
    " {2,}",
    "[ ]{2,}"};

std::string random_text(std::mt19937& random) {
  static const char* kParts[] = {"a",  "Zz",     "é",      "ſ",      "'",      "'s",     "'LL",
                                 "'r", "'re",    "'VE",    "7",      "²",      "Ⅻ",      "٣",
                                 " ",  " ",      "  ",     "\t",     "\n",     "\r\n",   "\u00a0",
                                 "　", "\u0085", "\u2028", "\u180e", "\u200b", "\u0301", "日本",
                                 "!",  "…",      "_",      "😀",      "ﬁ",      "\x01",   "'\u017f"};
  std::string text;
  for (std::size_t n = random() % 24; n > 0; --n) text += kParts[random() % std::size(kParts)];
  return text;
}

std::vector<std::pair<std::size_t, std::size_t>> matches(const Pattern& pattern,
                                                         const std::string& text) {
  std::vector<TextSpan> found;
  pattern.find_all(text, found);
  std::vector<std::pair<std::size_t, std::size_t>> spans;
  for (const TextSpan span : found) spans.emplace_back(span.begin, span.end);
  return spans;
}

TEST(Pattern, ScannersAgreeWithTheirExpressions) {
  for (const char* regex : kKnown) {
    const auto scanner = find_known_pattern(regex);
    ASSERT_NE(scanner, nullptr) << regex;
    const auto engine = make_regex_pattern(regex, "test");
    std::mt19937 random(99);
    for (int round = 0; round < 20000; ++round) {
      const std::string text = random_text(random);
      ASSERT_EQ(matches(*scanner, text), matches(*engine, text)) << regex << "\n" << text;
    }
  }
}

// What a scanner promises of cuts: the halves' matches are the whole's.
TEST(Pattern, CutsChangeNoMatch) {
  std::mt19937 random(5);
  for (const char* regex : kKnown) {
    const auto scanner = find_known_pattern(regex);
    std::size_t cuts = 0;
    for (int round = 0; round < 20000; ++round) {
      const std::string text = random_text(random);
      const auto whole = matches(*scanner, text);
      for (std::size_t at = 1; at < text.size(); ++at) {
        if (!may_cut(text, at, scanner->cuts())) continue;
        auto halves = matches(*scanner, text.substr(0, at));
        for (const auto& [begin, end] : matches(*scanner, text.substr(at))) {
          halves.emplace_back(begin + at, end + at);
        }
        ASSERT_EQ(halves, whole) << regex << "\n" << text << "\n" << at;
        ++cuts;
      }
    }
    EXPECT_GT(cuts, 1000U) << regex;
  }
}

TEST(Pattern, RefusesWhatItWouldReadOtherwise) {
  EXPECT_THROW(make_regex_pattern(R"(\bword)", "test"), Error);
  EXPECT_THROW(make_regex_pattern(R"(\w+)", "test"), Error);
  EXPECT_THROW(make_regex_pattern("(", "test"), Error);
  EXPECT_THROW(make_regex_pattern(std::string(100000, 'a'), "test"), Error);
}

TEST(Pattern, GivesUpOnRunawayExpressions) {
  const auto pattern = make_regex_pattern("(a*)*b|(a|aa)+$|x(a+)+y", "test");
  std::vector<TextSpan> found;
  EXPECT_THROW(pattern->find_all("x" + std::string(200, 'a') + "z", found), Error);
}

}  // namespace
}  // namespace embedtool
