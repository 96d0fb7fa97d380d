// Components of tokenizer.json one by one: what the reference library gives for small cases.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.hpp"
#include "core/text/normalize/normalizer.hpp"
#include "core/text/split/pre_tokenizer.hpp"
#include "formats/tokenizer/tokenizer_files.hpp"
#include "formats/tokenizer/tokenizer_json.hpp"
#include "tests/support/tokenizer_cases.hpp"

namespace embedtool {
namespace {

using ::testing::ElementsAre;
using testing::encode;
using ::testing::HasSubstr;

template <typename... Steps>
NormalizerSpec steps(Steps... step) {
  NormalizerSpec spec;
  (spec.push_back(std::move(step)), ...);
  return spec;
}

ReplaceSpec replace(const char* pattern, bool regex, const char* content) {
  ReplaceSpec spec;
  spec.pattern.text = pattern;
  spec.pattern.regex = regex;
  spec.content = content;
  return spec;
}

std::string normalized(NormalizerSpec spec, std::string_view text, TextEdges edges = {}) {
  const Normalizer normalizer(std::move(spec), "test");
  NormalizerScratch scratch;
  return std::string(normalizer.normalize(text, edges, scratch));
}

std::vector<std::string> words(const PreTokenizerSpec& spec, std::string_view text,
                               bool first = true) {
  const PreTokenizer pre_tokenizer(spec, "test");
  PreTokenizerScratch scratch;
  std::vector<std::string> all;
  for (const TextPart part : pre_tokenizer.split({text, first}, scratch)) {
    all.emplace_back(part.text);
  }
  return all;
}

TEST(Normalizer, HasTheFourUnicodeForms) {
  // ù with a horn after it: marks change places before they compose.
  EXPECT_EQ(normalized(steps(UnicodeFormSpec{false, true}), "\u00f9\u031b \ufb01"),
            "\u1eeb \ufb01");
  EXPECT_EQ(normalized(steps(UnicodeFormSpec{false, false}), "\u1eeb"), "u\u031b\u0300");
  EXPECT_EQ(normalized(steps(UnicodeFormSpec{true, true}), "\ufb01 \u00f9\u031b x\u00b2"),
            "fi \u1eeb x2");
  EXPECT_EQ(normalized(steps(UnicodeFormSpec{true, false}), "\uac01"), "\u1100\u1161\u11a8");
  EXPECT_EQ(normalized(steps(UnicodeFormSpec{false, true}), "\u1100\u1161\u11a8"), "\uac01");
}

TEST(Normalizer, WorksPartAfterPart) {
  EXPECT_EQ(normalized(steps(UnicodeFormSpec{true, false}, StripAccentsSpec{}, LowercaseSpec{}),
                       "\u00c9T\u00c9 \u0130"),
            "ete i");
  EXPECT_EQ(normalized(steps(PrependSpec{"_"}, replace(" ", false, "_")), "a b"), "_a_b");
  EXPECT_EQ(normalized(steps(PrependSpec{"_"}), ""), "");
  EXPECT_EQ(normalized(steps(replace(" {2,}", true, "+"), StripSpec{}), "  a   b "), "+a+b");
  EXPECT_EQ(normalized(steps(NmtSpec{}), "a\tb\x01\u200bc\ufffd"), "a b c ");
}

TEST(Normalizer, MindsTheEdgesOfItsText) {
  EXPECT_EQ(normalized(steps(StripSpec{}), " a ", {true, true}), "a");
  EXPECT_EQ(normalized(steps(StripSpec{}), " a ", {false, true}), " a");
  EXPECT_EQ(normalized(steps(StripSpec{true, false}), " a ", {true, true}), "a ");
  EXPECT_EQ(normalized(steps(PrependSpec{"_"}), "a", {false, true}), "a");
}

TEST(Normalizer, RefusesADamagedCharsmap) {
  EXPECT_THROW(Normalizer(steps(PrecompiledSpec{"abc"}), "test"), Error);
}

TEST(PreTokenizer, TreatsMatchesAsTold) {
  const auto split = [](SplitBehavior behavior, bool invert = false) {
    return words({SplitSpec{{"-", false}, behavior, invert}}, "The-final--countdown");
  };
  EXPECT_THAT(split(SplitBehavior::removed), ElementsAre("The", "final", "countdown"));
  EXPECT_THAT(split(SplitBehavior::isolated),
              ElementsAre("The", "-", "final", "-", "-", "countdown"));
  EXPECT_THAT(split(SplitBehavior::merged_with_previous),
              ElementsAre("The-", "final-", "-", "countdown"));
  EXPECT_THAT(split(SplitBehavior::merged_with_next),
              ElementsAre("The", "-final", "-", "-countdown"));
  EXPECT_THAT(split(SplitBehavior::contiguous),
              ElementsAre("The", "-", "final", "--", "countdown"));
  EXPECT_THAT(split(SplitBehavior::removed, true), ElementsAre("-", "-", "-"));
}

TEST(PreTokenizer, KnowsTheKindsOfCharacters) {
  EXPECT_THAT(words({WhitespaceSpec{}}, "Hey man! a_b"), ElementsAre("Hey", "man", "!", "a_b"));
  EXPECT_THAT(words({WhitespaceSplitSpec{}}, " Hey\u00a0man! "), ElementsAre("Hey", "man!"));
  EXPECT_THAT(words({DigitsSpec{true}}, "a123"), ElementsAre("a", "1", "2", "3"));
  EXPECT_THAT(words({DigitsSpec{false}}, "a123b"), ElementsAre("a", "123", "b"));
  EXPECT_THAT(words({PunctuationSpec{}}, "a,,b"), ElementsAre("a", ",", ",", "b"));
  EXPECT_THAT(words({DelimiterSpec{U'|'}}, "a||b"), ElementsAre("a", "b"));
}

TEST(PreTokenizer, MakesBlanksVisible) {
  MetaspaceSpec spec;
  spec.replacement = "_";
  EXPECT_THAT(words({spec}, "Hey  you"), ElementsAre("_Hey", "_", "_you"));
  spec.prepend = MetaspaceSpec::Prepend::first;
  EXPECT_THAT(words({spec}, "Hey", false), ElementsAre("Hey"));
  EXPECT_THAT(words({WhitespaceSplitSpec{}, spec}, "Hey you"), ElementsAre("_Hey", "you"));
  spec.prepend = MetaspaceSpec::Prepend::never;
  spec.split = false;
  EXPECT_THAT(words({spec}, "Hey you"), ElementsAre("Hey_you"));
}

TEST(PreTokenizer, PutsABlankBeforeEveryTextThatHasNone) {
  EXPECT_THAT(words({ByteLevelSpec{true, true}}, "Hey you"), ElementsAre(" Hey", " you"));
  EXPECT_THAT(words({DigitsSpec{true}, ByteLevelSpec{true, false}}, "a1 b"),
              ElementsAre(" a", " 1", " b"));
}

std::unique_ptr<Tokenizer> tokenizer_of(const std::string& json) {
  return make_tokenizer(read_tokenizer_json(json, "t.json"), "t.json");
}

TEST(Bpe, JoinsTheLowestRankLeftmostFirst) {
  const auto tokenizer = tokenizer_of(
      R"({"model":{"type":"BPE","unk_token":"?","fuse_unk":true,
      "vocab":{"?":0,"a":1,"b":2,"aa":3,"ab":4,"aab":5,"aaa":6},
      "merges":["a a",["a","b"],"aa b","aa a"]}})");
  EXPECT_EQ(encode(*tokenizer, "aab").ids, (std::vector<TokenId>{5}));
  EXPECT_EQ(encode(*tokenizer, "aaab").ids, (std::vector<TokenId>{3, 4}));
  EXPECT_EQ(encode(*tokenizer, "xyaz").ids, (std::vector<TokenId>{0, 1, 0}));
  // Long enough for the heap.
  std::vector<TokenId> sixes(100, 3);
  EXPECT_EQ(encode(*tokenizer, std::string(200, 'a')).ids, sixes);
}

TEST(Bpe, FallsBackToBytesOrMarksTheEndsOfWords) {
  const auto bytes = tokenizer_of(
      R"({"model":{"type":"BPE","byte_fallback":true,"vocab":{"a":0,"<0xC3>":1,"<0xA9>":2},
      "merges":[]}})");
  EXPECT_EQ(encode(*bytes, "aéü").ids, (std::vector<TokenId>{0, 1, 2}));
  const auto ends = tokenizer_of(
      R"({"pre_tokenizer":{"type":"WhitespaceSplit"},"model":{"type":"BPE",
      "end_of_word_suffix":"</w>","continuing_subword_prefix":"##",
      "vocab":{"a":0,"##b":1,"##b</w>":2,"a</w>":3,"ab</w>":4},"merges":["a ##b</w>"]}})");
  EXPECT_EQ(encode(*ends, "ab a abb").ids, (std::vector<TokenId>{4, 3, 0, 1, 2}));
}

TEST(Bpe, TakesAWholeWordWhereMergesAreIgnored) {
  const std::string model =
      R"({"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"model":{"type":"BPE",
      "ignore_merges":IGNORE,"vocab":{"Ġ":0,"a":1,"Ġa":2},"merges":[]}})";
  const auto with = [&](const char* ignore) {
    std::string json = model;
    json.replace(json.find("IGNORE"), 6, ignore);
    return encode(*tokenizer_of(json), " a").ids;
  };
  EXPECT_EQ(with("true"), (std::vector<TokenId>{2}));
  EXPECT_EQ(with("false"), (std::vector<TokenId>{0, 1}));
}

TEST(Unigram, TakesTheLikeliestPathAndFusesWhatIsUnknown) {
  const auto tokenizer = tokenizer_of(
      R"({"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["a",-2],["b",-2],["ab",-5],
      ["abb",-5.5]]}})");
  EXPECT_EQ(encode(*tokenizer, "ab").ids, (std::vector<TokenId>{1, 2}));
  EXPECT_EQ(encode(*tokenizer, "abb").ids, (std::vector<TokenId>{4}));
  EXPECT_EQ(encode(*tokenizer, "xya").ids, (std::vector<TokenId>{0, 1}));
}

TEST(Unigram, NeedsAnUnknownPieceOrBytes) {
  const auto tokenizer = tokenizer_of(
      R"({"model":{"type":"Unigram","byte_fallback":true,"vocab":[["a",-2],["<0x78>",-9]]}})");
  EXPECT_EQ(encode(*tokenizer, "ax").ids, (std::vector<TokenId>{0, 1}));
  EXPECT_THROW(encode(*tokenizer, "y"), Error);
}

TEST(TokenizerJson, RefusesBytesInTheMiddle) {
  const auto fault = [](const std::string& json) -> std::string {
    try {
      tokenizer_of(json);
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  EXPECT_THAT(fault(R"({"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},
      {"type":"WhitespaceSplit"}]},"model":{"type":"BPE","vocab":{},"merges":[]}})"),
              HasSubstr("'ByteLevel' is supported only as the last step"));
  EXPECT_THAT(fault(R"({"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}})"),
              HasSubstr("merge 0"));
  EXPECT_THAT(fault(R"({"normalizer":{"type":"Sequence","normalizers":[{"type":"Gild"}]},
      "model":{"type":"BPE","vocab":{},"merges":[]}})"),
              HasSubstr("'Gild' is not supported"));
}

TEST(TokenizerJson, NestsProcessors) {
  const auto tokenizer = tokenizer_of(
      R"({"post_processor":{"type":"Sequence","processors":[{"type":"ByteLevel"},
      {"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"e"}}],
      "special_tokens":{"e":{"ids":[7]}}},{"type":"BertProcessing","sep":["s",8],"cls":["c",9]}]},
      "model":{"type":"BPE","vocab":{"a":0},"merges":[]}})");
  EXPECT_EQ(encode(*tokenizer, "a").ids, (std::vector<TokenId>{9, 0, 7, 8}));
}

}  // namespace
}  // namespace embedtool
