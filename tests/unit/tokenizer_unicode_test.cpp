#include <fmt/core.h>
#include <gtest/gtest.h>

#include "core/text/unicode/text_cut.hpp"
#include "core/text/unicode/unicode.hpp"
#include "core/text/vocabulary.hpp"

namespace embedtool {
namespace {

TEST(Unicode, DecodesWhatItEncodes) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text = "x";
    unicode::append(c, text);
    const unicode::Decoded decoded = unicode::decode(text, 1);
    ASSERT_EQ(decoded.code_point, c);
    ASSERT_EQ(decoded.length, text.size() - 1);
    ASSERT_EQ(unicode::decode_before(text, text.size()).code_point, c);
  }
}

TEST(Unicode, ReadsInvalidBytesOneByOne) {
  for (const char* bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xC3", "\xE2\x82", "\xF0\x9F\x98"}) {
    const unicode::Decoded decoded = unicode::decode(bad, 0);
    EXPECT_EQ(decoded.code_point, unicode::kReplacement) << bad;
    EXPECT_EQ(decoded.length, 1U) << bad;
  }
  EXPECT_EQ(unicode::count("a\xC3(é"), 4U);
}

TEST(Unicode, ComposesHangulButNotWithTheBaseOfItsTrailingConsonants) {
  const auto composed = [](std::u32string text) {
    text.resize(unicode::compose(text.data(), text.size()));
    return text;
  };
  EXPECT_EQ(composed(U"\u1100\u1161\u11A8"), U"\uAC01");
  EXPECT_EQ(composed(U"\u1100\u1161\u11A7"), U"\uAC00\u11A7");
  EXPECT_EQ(composed(U"\uAC00\u11A7\u11A8e\u0301"), U"\uAC00\u11A7\u11A8\u00E9");
  EXPECT_EQ(composed(U"\u11A7"), U"\u11A7");
  EXPECT_EQ(composed(U""), U"");
}

TEST(Unicode, Decomposes) {
  using unicode::DecompositionKind;
  const auto parts = unicode::decompose(0x1EAD, DecompositionKind::canonical);  // ậ
  ASSERT_EQ(parts.size, 3U);
  EXPECT_EQ(parts.code_points[0], U'a');
  EXPECT_EQ(unicode::decompose(0xAC01, DecompositionKind::canonical).size, 3U);  // Hangul
  EXPECT_EQ(unicode::decompose(0xFB01, DecompositionKind::canonical).size, 1U);
  EXPECT_EQ(unicode::decompose(0xFB01, DecompositionKind::compatibility).size, 2U);
  EXPECT_EQ(unicode::decompose(0xFDFA, DecompositionKind::compatibility).size, 18U);
}

// Every place where a text may be cut is before a character of the kind and not after white space.
TEST(TextCut, FindsTheLastPermittedCut) {
  const CutRule space = CutRule::at_blanks();
  EXPECT_EQ(find_cut("hello world again", 0, 13, space), 11U);
  EXPECT_EQ(find_cut("hello world again", 0, 11, space), 11U);
  EXPECT_EQ(find_cut("hello world again", 0, 3, space), 5U);
  EXPECT_EQ(find_cut("hello   world", 0, 7, space), 5U);
  EXPECT_EQ(find_cut("hello", 0, 3, space), 5U);
  EXPECT_EQ(find_cut("hello, world", 0, 5, CutRule{}), 12U);
  EXPECT_EQ(find_cut("hello, world", 0, 5, CutRule{false, false, true, false}), 5U);
  EXPECT_EQ(find_cut("a日本", 0, 2, CutRule{false, false, false, true}), 1U);
  EXPECT_EQ(find_cut("a日本", 0, 4, CutRule{false, false, false, true}), 4U);
  EXPECT_EQ(find_cut("a\nb c", 0, 2, space), 3U);
  // Only after a letter or a number: not after white space, which a token may take along.
  EXPECT_EQ(find_cut("hi! you there", 0, 4, space), 7U);
  EXPECT_EQ(find_cut("ab\u3000 c", 0, 5, space), 7U);
}

TEST(Vocabulary, FindsBothWaysThroughGrowth) {
  Vocabulary vocabulary;
  for (TokenId id = 0; id < 10000; ++id) vocabulary.add(fmt::format("t{}", id), id * 3);
  vocabulary.add("", 5);
  vocabulary.add("t7", 1000000);
  vocabulary.finish();
  EXPECT_EQ(vocabulary.size(), 10001U);
  EXPECT_EQ(vocabulary.max_id(), 1000000);
  for (TokenId id = 0; id < 10000; ++id) {
    const TokenId want = id == 7 ? 1000000 : id * 3;
    ASSERT_EQ(vocabulary.find(fmt::format("t{}", id)), want);
    ASSERT_EQ(vocabulary.token(want), fmt::format("t{}", id));
  }
  EXPECT_EQ(vocabulary.find(""), 5);
  EXPECT_EQ(vocabulary.find("t10000"), Vocabulary::kAbsent);
  EXPECT_EQ(vocabulary.token(21), std::nullopt);
  EXPECT_EQ(vocabulary.token(-1), std::nullopt);
  EXPECT_EQ(Vocabulary().find("a"), Vocabulary::kAbsent);
}

// What the library does not know yet: a letter that takes what follows into its grapheme, and a
// mark.
TEST(Unicode, GraphemesAreOfUnicode16) {
  std::int32_t state = 0;
  EXPECT_TRUE(unicode::grapheme_ends('a', 0x113D1, state));
  EXPECT_FALSE(unicode::grapheme_ends(0x113D1, '.', state));
  EXPECT_TRUE(unicode::grapheme_ends('.', 'a', state));
  state = 0;
  EXPECT_FALSE(unicode::grapheme_ends('a', 0x113D2, state));
  EXPECT_TRUE(unicode::prepends(0x113D1));
  EXPECT_FALSE(unicode::prepends(0x113D2));
}

}  // namespace
}  // namespace embedtool
