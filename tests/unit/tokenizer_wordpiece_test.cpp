#include <gtest/gtest.h>

#include "core/base/error.hpp"
#include "formats/tokenizer/tokenizer_files.hpp"
#include "tests/support/tokenizer_cases.hpp"

namespace embedtool {
namespace {

using testing::encode;
using testing::pieces;
using testing::TinyJson;

TEST(WordPiece, TakesTheLongestPieceFirst) {
  const auto tokenizer = TinyJson().make();
  EXPECT_EQ(pieces(*tokenizer, "Hello, unaffable WORLD!"),
            "[CLS] hello , un ##aff ##able world ! [SEP]");
  EXPECT_EQ(pieces(*tokenizer, "hello", {0, false}), "hello");
  EXPECT_EQ(tokenizer->kind(), "WordPiece");
  EXPECT_EQ(tokenizer->vocab_size(), 24U);
  EXPECT_EQ(tokenizer->token(3), "hello");
  EXPECT_EQ(tokenizer->token(24), "");
  EXPECT_EQ(tokenizer->token(-1), "");
}

TEST(WordPiece, GivesAnUncoveredWordUpWhole) {
  const auto tokenizer = TinyJson().make();
  EXPECT_EQ(pieces(*tokenizer, "unaffableq", {0, false}), "[UNK]");
  EXPECT_EQ(pieces(*tokenizer, "qq hello", {0, false}), "[UNK] hello");
  // The second time from memory.
  EXPECT_EQ(pieces(*tokenizer, "unaffableq unaffable unaffableq", {0, false}),
            "[UNK] un ##aff ##able [UNK]");
}

TEST(WordPiece, CountsTheCharactersOfAWordNotItsBytes) {
  TinyJson json;
  json.vocabulary = R"({"[UNK]":0,"[CLS]":1,"[SEP]":2,"é":3,"##é":4,"a":5,"##a":6})";
  json.normalizer = "null";
  const auto tokenizer = json.make();
  std::string ten;
  for (int i = 0; i < 10; ++i) ten += "é";
  EXPECT_EQ(encode(*tokenizer, ten, {0, false}).ids.size(), 10U);
  EXPECT_EQ(pieces(*tokenizer, ten + "a", {0, false}), "[UNK]");
}

TEST(WordPiece, AWordLongerThanAllowedIsUnknownEvenIfInTheVocabulary) {
  TinyJson json;
  json.vocabulary = R"({"[UNK]":0,"[CLS]":1,"[SEP]":2,"abcdefghijk":3,"abcdefghij":4})";
  const auto tokenizer = json.make();
  EXPECT_EQ(pieces(*tokenizer, "abcdefghij", {0, false}), "abcdefghij");
  EXPECT_EQ(pieces(*tokenizer, "abcdefghijk", {0, false}), "[UNK]");
}

TEST(BertNormalizer, CleansAndSetsIdeographsApart) {
  const auto tokenizer = TinyJson().make();
  EXPECT_EQ(pieces(*tokenizer, "日本hello", {0, false}), "日 本 hello");
  EXPECT_EQ(pieces(*tokenizer, "he\u200bl\x01lo\u00adworld", {0, false}), "[UNK]");
  EXPECT_EQ(pieces(*tokenizer, "he\u200bl\x01lo", {0, false}), "hello");
  EXPECT_EQ(pieces(*tokenizer,
                   "hello\u3000world\u00a0a\x0b"
                   "b",
                   {0, false}),
            "hello world a ##b");
}

TEST(BertNormalizer, StripsAccentsAndLowersCase) {
  const auto tokenizer = TinyJson().make();
  EXPECT_EQ(pieces(*tokenizer, "É e\u0301 \u212b", {0, false}), "e e a");
  EXPECT_EQ(pieces(*tokenizer, "Σ", {0, false}), "σ");
  // A final sigma stays an ordinary one: case is looked up character by character.
  EXPECT_EQ(pieces(*tokenizer, "ΣΣ", {0, false}), "[UNK]");
  // Of a word of marks alone nothing stays.
  EXPECT_EQ(pieces(*tokenizer, "\u0301\u0302", {0, false}), "");
}

TEST(BertNormalizer, ObeysEverySwitch) {
  TinyJson json;
  json.normalizer = R"({"type":"BertNormalizer","clean_text":false,"handle_chinese_chars":false,
    "strip_accents":false,"lowercase":true})";
  EXPECT_EQ(pieces(*json.make(), "É", {0, false}), "é");
  EXPECT_EQ(pieces(*json.make(), "İ", {0, false}), "i\u0307");
  EXPECT_EQ(pieces(*json.make(), "日本", {0, false}), "[UNK]");
  EXPECT_EQ(pieces(*json.make(), "a\x01", {0, false}), "[UNK]");
  json.normalizer = R"({"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,
    "strip_accents":null,"lowercase":false})";
  EXPECT_EQ(pieces(*json.make(), "A é", {0, false}), "A é");
  json.normalizer = R"({"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,
    "strip_accents":true,"lowercase":false})";
  EXPECT_EQ(pieces(*json.make(), "A é", {0, false}), "A e");
}

TEST(WordPiece, StandsEdgesAndGarbage) {
  const auto tokenizer = TinyJson().make();
  EXPECT_EQ(pieces(*tokenizer, ""), "[CLS] [SEP]");
  EXPECT_EQ(pieces(*tokenizer, " \t\n\r  "), "[CLS] [SEP]");
  EXPECT_EQ(pieces(*tokenizer, std::string_view("\0hello\0", 7)), "[CLS] hello [SEP]");
  EXPECT_EQ(pieces(*tokenizer, "hello\xff\xc3\xe2\x82 \xed\xa0\x80\xf4\x90\x80\x80world"),
            "[CLS] hello world [SEP]");
  EXPECT_EQ(pieces(*tokenizer, "\xc3"), "[CLS] [SEP]");
}

TEST(AddedTokens, AreTakenOutOfTheText) {
  TinyJson json;
  json.added_tokens = R"([
    {"id":0,"content":"[UNK]","special":true},{"id":1,"content":"[CLS]","special":true},
    {"id":2,"content":"[SEP]","special":true},
    {"id":24,"content":"lo"},{"id":25,"content":"low","single_word":true},
    {"id":26,"content":"<l>","lstrip":true,"rstrip":true},
    {"id":27,"content":"HELP","normalized":true}])";
  const auto tokenizer = json.make();
  EXPECT_EQ(pieces(*tokenizer, "a[SEP]b", {0, false}), "a [SEP] b");
  EXPECT_EQ(pieces(*tokenizer, "[SEP", {0, false}), "[ [UNK]");
  EXPECT_EQ(pieces(*tokenizer, "xlox", {0, false}), "x lo x");
  // The longest at a place is the one, and when it must stand alone and does not, none is.
  EXPECT_EQ(pieces(*tokenizer, "low", {0, false}), "low");
  EXPECT_EQ(pieces(*tokenizer, "xlow", {0, false}), "[UNK]");
  EXPECT_EQ(pieces(*tokenizer, "x <l>  a", {0, false}), "x <l> a");
  // Looked for in lower case on both sides.
  EXPECT_EQ(pieces(*tokenizer, "xHeLpx", {0, false}), "x HELP x");
  EXPECT_EQ(tokenizer->vocab_size(), 28U);
}

TEST(Template, PutsItsTokensAround) {
  TinyJson json;
  json.post_processor = R"({"type":"TemplateProcessing","single":[
    {"SpecialToken":{"id":"[CLS]","type_id":0}},{"SpecialToken":{"id":"two","type_id":0}},
    {"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],"pair":[],
    "special_tokens":{"[CLS]":{"id":"[CLS]","ids":[1],"tokens":["[CLS]"]},
      "two":{"id":"two","ids":[8,9],"tokens":["a","##b"]},
      "[SEP]":{"id":"[SEP]","ids":[2],"tokens":["[SEP]"]}}})";
  EXPECT_EQ(pieces(*json.make(), "hello"), "[CLS] a ##b hello [SEP]");
  json.post_processor = R"({"type":"RobertaProcessing","sep":["[SEP]",2],"cls":["[CLS]",1],
    "trim_offsets":true,"add_prefix_space":false})";
  EXPECT_EQ(pieces(*json.make(), "hello"), "[CLS] hello [SEP]");
  json.post_processor = "null";
  EXPECT_EQ(pieces(*json.make(), "hello"), "hello");
}

TEST(Truncation, KeepsSpecialTokensAndSaysSo) {
  const auto tokenizer = TinyJson().make();
  const std::string text = "hello unaffable world";
  EXPECT_EQ(pieces(*tokenizer, text, {4, true}), "[CLS] hello un [SEP]");
  EXPECT_TRUE(encode(*tokenizer, text, {4, true}).truncated);
  EXPECT_FALSE(encode(*tokenizer, text, {7, true}).truncated);
  EXPECT_TRUE(encode(*tokenizer, text, {6, true}).truncated);
  EXPECT_EQ(pieces(*tokenizer, text, {4, false}), "hello un ##aff ##able");
  // Where not even the special tokens have room, they stay alone.
  EXPECT_EQ(pieces(*tokenizer, text, {1, true}), "[CLS] [SEP]");
  EXPECT_TRUE(encode(*tokenizer, text, {1, true}).truncated);
  EXPECT_FALSE(encode(*tokenizer, "", {1, true}).truncated);
  EXPECT_FALSE(encode(*tokenizer, "hello   \n ", {3, true}).truncated);
}

TEST(DropUnknown, LeavesUnknownTokensOut) {
  TokenizerSpec spec = parse_tokenizer_json(TinyJson().text(), "tiny");
  spec.drop_unknown = true;
  const auto tokenizer = make_tokenizer(std::move(spec), "tiny");
  EXPECT_EQ(pieces(*tokenizer, "qq hello [UNK] qq world"), "[CLS] hello world [SEP]");
  // They take no room either.
  EXPECT_EQ(pieces(*tokenizer, "qq hello qq world qq", {4, true}), "[CLS] hello world [SEP]");
  EXPECT_FALSE(encode(*tokenizer, "qq hello qq world qq", {4, true}).truncated);
}

}  // namespace
}  // namespace embedtool
