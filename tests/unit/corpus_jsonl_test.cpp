#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.hpp"
#include "tests/support/corpus_testing.hpp"

namespace embedtool {
namespace {

using testing::Corpus;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using testing::read_bytes;
using ::testing::SizeIs;

/// Reads one line and returns why it was rejected, "" where it was not.
std::string reason(const std::string& line, CorpusOptions options = {}) {
  options.format = "jsonl";
  const Corpus corpus = read_bytes(line + "\n", "a.jsonl", std::move(options));
  EXPECT_EQ(corpus.rows.size() + corpus.rejects.size(), 1U) << line;
  return corpus.rejects.empty() ? "" : corpus.rejects[0].reason;
}

/// Reads one line, which must be good, and returns its text.
std::string text(const std::string& line, CorpusOptions options = {}) {
  const Corpus corpus = read_bytes(line, "a.jsonl", std::move(options));
  EXPECT_THAT(corpus.rejects, IsEmpty()) << corpus.rejects[0].reason;
  return corpus.rows.size() == 1 ? corpus.rows[0].text : "<no row>";
}

CorpusOptions with_text(std::vector<std::string> fields) {
  CorpusOptions options;
  options.text_fields = std::move(fields);
  return options;
}

TEST(Jsonl, ReadsRecordsInOrder) {
  const Corpus corpus = read_bytes(
      "{\"id\":\"a\",\"text\":\"one\"}\n"
      " \t\r\n"
      "\n"
      "{\"text\":\"two\",\"id\":12345678901234567890}\r\n"
      "  {\"text\":\"\"}  ",
      "a.jsonl");
  EXPECT_THAT(corpus.rejects, IsEmpty());
  ASSERT_THAT(corpus.rows, SizeIs(3));
  EXPECT_EQ(corpus.rows[0].id, "a");
  EXPECT_EQ(corpus.rows[0].text, "one");
  EXPECT_EQ(corpus.rows[1].id, "12345678901234567890");
  EXPECT_EQ(corpus.rows[1].line, 4U);
  EXPECT_EQ(corpus.rows[1].ordinal, 1U);
  EXPECT_EQ(corpus.rows[2].id, "2");
  EXPECT_EQ(corpus.rows[2].text, "");
  EXPECT_EQ(corpus.progress.records, 3U);
}

TEST(Jsonl, GeneratedIdsCountAllRecordsAndOrdinalsAcceptedOnes) {
  const Corpus corpus = read_bytes("{\"text\":\"a\"}\nbad\n{\"text\":\"b\"}\n", "a.jsonl");
  ASSERT_THAT(corpus.rows, SizeIs(2));
  EXPECT_EQ(corpus.rows[1].id, "2");
  EXPECT_EQ(corpus.rows[1].ordinal, 1U);
  EXPECT_EQ(corpus.rows[1].line, 3U);
  ASSERT_THAT(corpus.rejects, SizeIs(1));
  EXPECT_EQ(corpus.rejects[0].line, 2U);
  EXPECT_EQ(corpus.rejects[0].bytes, "bad");
  EXPECT_EQ(corpus.progress.rejected, 1U);
}

TEST(Jsonl, EmptyInputsHaveNoRecords) {
  for (const char* bytes : {"", "\n", "\n\n \r\n\t", "\xef\xbb\xbf", "\xef\xbb\xbf\n"}) {
    const Corpus corpus = read_bytes(bytes, "a.jsonl");
    EXPECT_THAT(corpus.rows, IsEmpty());
    EXPECT_THAT(corpus.rejects, IsEmpty());
  }
}

TEST(Jsonl, UnescapesStrings) {
  EXPECT_EQ(text(R"({"text":"\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00\uD83D\uDE00"})"),
            "\"\\/\b\f\n\r\tA\xc3\xa9\xf0\x9f\x98\x80\xf0\x9f\x98\x80");
  EXPECT_EQ(text(R"({"text":"a\u0000b"})"), std::string("a\0b", 3));
  EXPECT_EQ(text("\xef\xbb\xbf{\"text\":\"\xef\xbb\xbf mark\"}"), "\xef\xbb\xbf mark");
}

TEST(Jsonl, RejectsWhatIsNotJson) {
  for (const char* bad : {"{",
                          "}",
                          "{\"text\":\"a\"",
                          "{\"text\":\"a\"}}",
                          "{\"text\":\"a\"} x",
                          "{\"text\":\"a\"},",
                          "{\"text\" \"a\"}",
                          "{\"text\":\"a\" \"b\":1}",
                          "{\"text\":\"a\",}",
                          "{,\"text\":\"a\"}",
                          "{\"text\":\"a\",\"n\":01}",
                          "{\"text\":\"a\",\"n\":+1}",
                          "{\"text\":\"a\",\"n\":1.}",
                          "{\"text\":\"a\",\"n\":.5}",
                          "{\"text\":\"a\",\"n\":1e}",
                          "{\"text\":\"a\",\"n\":nan}",
                          "{\"text\":\"a\",\"n\":NaNs}",
                          "{\"text\":\"a\",\"n\":-}",
                          "{\"text\":\"a\",\"n\":+Infinity}",
                          "{\"text\":\"a\",\"n\":1x}",
                          "{\"text\":\"a\",\"b\":tru}",
                          "{\"text\":\"a\",\"b\":truex}",
                          "{\"text\":\"a\",\"b\":nul}",
                          "{\"text\":\"a\",\"b\":falsee}",
                          "{'text':'a'}",
                          "{text:\"a\"}",
                          "{\"text\":\"a}",
                          "{\"text\":\"\\x\"}",
                          "{\"text\":\"\\u12g4\"}",
                          "{\"text\":\"a\",\"l\":[1,2}",
                          "{\"text\":\"a\",\"l\":[1 2]}",
                          "{\"text\":\"a\",\"l\":[1,]}",
                          "{\"text\":\"a\",\"l\":[}",
                          "{\"text\":\"a\",\"l\":[[]}",
                          "{\"text\":\"a\",\"o\":{]}",
                          "{\"text\":\"tab\there\"}",
                          "{\"\\x\":1,\"text\":\"a\"}",
                          "{\"text\":\"a\",\"o\":{\"b\" 1}}",
                          "{\"text\":\"a\"}{}"}) {
    EXPECT_NE(reason(bad), "") << bad;
  }
  EXPECT_THAT(reason("[1]"), HasSubstr("one JSON object on one line"));
  EXPECT_THAT(reason("{\"text\":\"a\"} {}"), HasSubstr("after the object"));
}

TEST(Jsonl, AcceptsEverythingThatIsJson) {
  // Numbers that fit no machine type are JSON all the same.
  EXPECT_EQ(text(R"({"text":"a","n":123456789012345678901234567890,"m":1e999,"k":-0.0E-1})"), "a");
  EXPECT_EQ(text(R"({"text":"a","o":{},"l":[],"x":[{},[],[[]],null,true,false,"s"]})"), "a");
  EXPECT_EQ(text(" { \"text\" : \"a\" , \"l\" : [ 1 , 2 ] } "), "a");
}

TEST(Jsonl, RejectsLoneSurrogatesWherever) {
  for (const char* half : {R"(\ud83d)", R"(\ude00)", R"(\ud83dx)", R"(\ud83d\n)", R"(\ud83d\u0041)",
                           R"(\ude00\ud83d)", R"(\ud83d\ud83d)"}) {
    EXPECT_THAT(reason(std::string(R"({"text":")") + half + R"("})"), HasSubstr("surrogate"));
    EXPECT_THAT(reason(std::string(R"({"text":"a","other":")") + half + R"("})"),
                HasSubstr("surrogate"));
  }
}

TEST(Jsonl, RejectsInvalidUtf8) {
  EXPECT_THAT(reason("{\"text\":\"a\xff\"}"), HasSubstr("invalid UTF-8 at byte 10"));
  EXPECT_THAT(reason("{\"text\":\"a\",\"b\":\"\xc3\"}"), HasSubstr("invalid UTF-8"));
  EXPECT_THAT(reason("{\"text\":\"\xed\xa0\x80\"}"), HasSubstr("invalid UTF-8"));
}

TEST(Jsonl, NamesTheFieldAndWhatItHolds) {
  EXPECT_EQ(reason(R"({"text":5})"),
            "field 'text' holds a number; a text must be a string or an array of strings");
  EXPECT_THAT(reason(R"({"text":null})"), HasSubstr("'text' holds null"));
  EXPECT_THAT(reason(R"({"text":true})"), HasSubstr("'text' holds a boolean"));
  EXPECT_THAT(reason(R"({"text":{}})"), HasSubstr("'text' holds an object"));
  EXPECT_THAT(reason(R"({"text":["a",[]]})"), HasSubstr("'text' holds an array with an array"));
  EXPECT_THAT(reason(R"({"text":["a",null]})"), HasSubstr("an array with null"));
  EXPECT_EQ(reason(R"({"body":"x","url":"y"})"),
            "no field 'text'; the record has 'body', 'url' (--text-field)");
  EXPECT_EQ(reason(R"({})"), "no field 'text'; the record has none (--text-field)");
  EXPECT_THAT(reason(R"({"text":"a","id":[1]})"), HasSubstr("field 'id' holds an array"));
}

TEST(Jsonl, RejectCarriesTheIdWhereKnown) {
  const Corpus corpus = read_bytes(R"({"text":7,"id":"doc-9"})", "a.jsonl");
  ASSERT_THAT(corpus.rejects, SizeIs(1));
  EXPECT_EQ(corpus.rejects[0].id, "doc-9");
  // An ordinal is no id of a record that never got one.
  EXPECT_EQ(read_bytes(R"({"text":7})", "a.jsonl").rejects.at(0).id, "");
}

TEST(Jsonl, FindsNestedFields) {
  const std::string line =
      R"({"a":{"b.c":"dot","b":["x",{"t":"deep"}],"/":"slash","~":"tilde"},"0":"zero"})";
  EXPECT_EQ(text(line, with_text({"a.b.1.t"})), "deep");
  EXPECT_EQ(text(line, with_text({"/a/b/1/t"})), "deep");
  EXPECT_EQ(text(line, with_text({"a.b.0"})), "x");
  EXPECT_EQ(text(line, with_text({"/a/b.c"})), "dot");
  EXPECT_EQ(text(line, with_text({"/a/~1"})), "slash");
  EXPECT_EQ(text(line, with_text({"/a/~0"})), "tilde");
  EXPECT_EQ(text(line, with_text({"0"})), "zero");
  EXPECT_THAT(reason(line, with_text({"a.b.2"})), HasSubstr("no field 'a.b.2'"));
  EXPECT_THAT(reason(line, with_text({"a.b.1.t.x"})), HasSubstr("no field"));
  EXPECT_THROW(text(line, with_text({"/a~"})), Error);
  EXPECT_THROW(text(line, with_text({""})), Error);
}

TEST(Jsonl, JoinsFieldsInTheOrderAsked) {
  const std::string line = R"({"body":"B","title":"T","tags":["x","","y"],"none":[],"empty":""})";
  EXPECT_EQ(text(line, with_text({"title", "body"})), "T B");
  CorpusOptions options = with_text({"title", "empty", "tags", "none", "body"});
  options.joiner = "\n";
  EXPECT_EQ(text(line, options), "T\nx\ny\nB");
  EXPECT_EQ(text(line, with_text({"title", "title"})), "T T");
  EXPECT_EQ(text(line, with_text({"none"})), "");
  EXPECT_THAT(reason(line, with_text({"title", "missing"})), HasSubstr("no field 'missing'"));
}

TEST(Jsonl, BeirTitlesGoBeforeTheText) {
  EXPECT_EQ(text(R"({"_id":"1","title":"T","text":"x"})"), "T x");
  EXPECT_EQ(text(R"({"_id":"1","title":"","text":"x"})"), "x");
  EXPECT_EQ(text(R"({"_id":"1","title":"T","text":""})"), "T");
  EXPECT_EQ(text(R"({"_id":"1","title":null,"text":"x"})"), "x");
  EXPECT_EQ(text(R"({"_id":"1","text":"x"})"), "x");
  EXPECT_EQ(text(R"({"id":"1","title":"T","text":"x"})"), "x");  // not BEIR's layout
  EXPECT_EQ(text(R"({"_id":"1","title":"T","text":"x"})", with_text({"text"})), "x");
  EXPECT_THAT(reason(R"({"_id":"1","title":7,"text":"x"})"), HasSubstr("field 'title' holds"));
}

TEST(Jsonl, TakesIdsAsWritten) {
  const auto id = [](const std::string& line, const std::string& field = "") {
    CorpusOptions options;
    options.id_field = field;
    const Corpus corpus = read_bytes(line, "a.jsonl", options);
    return corpus.rows.empty() ? corpus.rejects[0].reason : corpus.rows[0].id;
  };
  EXPECT_EQ(id(R"({"_id":"b","text":"","id":"a"})"), "a");
  EXPECT_EQ(id(R"({"_id":"b","text":""})"), "b");
  EXPECT_EQ(id(R"({"id":null,"_id":"b","text":""})"), "b");
  EXPECT_EQ(id(R"({"text":""})"), "0");
  EXPECT_EQ(id(R"({"id": 18446744073709551615 ,"text":""})"), "18446744073709551615");
  EXPECT_EQ(id(R"({"id":-1.50e+2,"text":""})"), "-1.50e+2");
  EXPECT_EQ(id(R"({"id":"","text":""})"), "");
  EXPECT_EQ(id(R"({"m":{"k":7},"text":""})", "m.k"), "7");
  EXPECT_THAT(id(R"({"text":"","x":1})", "key"), HasSubstr("no field 'key'"));
  EXPECT_THAT(id(R"({"text":"","key":null})", "key"), HasSubstr("'key' holds null"));
}

TEST(Jsonl, KeepsFields) {
  CorpusOptions options;
  options.keep = {"s", "n", "o", "gone", "null", "o.k", "b"};
  const Corpus corpus = read_bytes(
      R"({"text":"t","s":"a\u00e9","n": 1.0e0 ,"o":{ "k" : [ 1, "x y\t\u00e9" ] },"null":null,"b":true})",
      "a.jsonl", options);
  ASSERT_THAT(corpus.rows, SizeIs(1)) << corpus.rejects[0].reason;
  EXPECT_THAT(
      corpus.rows[0].kept,
      ElementsAre(Optional(std::string("a\xc3\xa9")), Optional(std::string("1.0e0")),
                  Optional(std::string(R"({"k":[1,"x y\t\u00e9"]})")), std::nullopt, std::nullopt,
                  Optional(std::string(R"([1,"x y\t\u00e9"])")), Optional(std::string("true"))));
}

TEST(Jsonl, KeepsTypedFields) {
  CorpusOptions options;
  options.keep = {"n:int64", "x:double", "b:bool", "m.k:int64"};
  const Corpus corpus = read_bytes(R"({"text":"a","n":3.0,"x":1.50,"b":true,"m":{"k":"12"}})"
                                   "\n"
                                   R"({"text":"b","n":null,"x":"","b":NaN})"
                                   "\n"
                                   R"({"id":"c","text":"c","n":3.5})"
                                   "\n"
                                   R"({"text":"d","x":[1]})"
                                   "\n"
                                   R"({"id":"c","text":"e","b":"yes"})"
                                   "\n"
                                   R"({"id":"c","text":"f","n":"9"})",
                                   "a.jsonl", options);
  ASSERT_THAT(corpus.rows, SizeIs(3));
  EXPECT_THAT(corpus.rows[0].kept,
              ElementsAre(Optional(std::string("3")), Optional(std::string("1.5")),
                          Optional(std::string("true")), Optional(std::string("12"))));
  EXPECT_THAT(corpus.rows[1].kept,
              ElementsAre(std::nullopt, std::nullopt, std::nullopt, std::nullopt));
  // A rejected record leaves neither values nor an id behind.
  EXPECT_THAT(corpus.rows[2].kept,
              ElementsAre(Optional(std::string("9")), std::nullopt, std::nullopt, std::nullopt));
  ASSERT_THAT(corpus.rejects, SizeIs(3));
  EXPECT_EQ(corpus.rejects[0].reason,
            "field 'n' holds '3.5', not a whole number of 64 bits as --keep says");
  EXPECT_EQ(corpus.rejects[1].reason,
            "field 'x' holds an array, not a number in the range of a double as --keep says");
  EXPECT_EQ(corpus.rejects[2].reason, "field 'b' holds 'yes', not true or false as --keep says");
}

TEST(Jsonl, OfDuplicateKeysTheLastCounts) {
  EXPECT_EQ(text(R"({"text":"first","text":"last"})"), "last");
  EXPECT_THAT(reason(R"({"text":"first","text":5})"), HasSubstr("holds a number"));
  EXPECT_EQ(text(R"({"a":{"b":"1"},"a":{"b":"2"}})", with_text({"a.b"})), "2");
  EXPECT_THAT(reason(R"({"a":{"b":"1"},"a":{}})", with_text({"a.b"})), HasSubstr("no field"));
  EXPECT_EQ(text(R"({"text":["a","b"],"text":["c"]})"), "c");
}

TEST(Jsonl, ReadsTokenIds) {
  CorpusOptions options;
  options.vocab_size = 100;
  options.max_ids = 3;
  const auto why = [&](const std::string& ids) {
    return reason(R"({"text":"t","input_ids":)" + ids + "}", options);
  };
  const Corpus corpus =
      read_bytes(R"({"id":"x","input_ids":[ 0, 99 ,7],"text":5})", "a.jsonl", options);
  ASSERT_THAT(corpus.rows, SizeIs(1));
  EXPECT_EQ(corpus.rows[0].kind, RecordKind::token_ids);
  EXPECT_THAT(corpus.rows[0].ids, ElementsAre(0, 99, 7));
  EXPECT_THAT(why("[100]"), HasSubstr("input_ids[0] = 100"));
  EXPECT_THAT(why("[1,-1]"), HasSubstr("input_ids[1] = -1"));
  EXPECT_THAT(why("[1.0]"), HasSubstr("1.0 is not a token id"));
  EXPECT_THAT(why("[99999999999999999999]"), HasSubstr("not a token id"));
  EXPECT_THAT(why("[1,2,3,4]"), HasSubstr("more than 3 ids"));
  EXPECT_THAT(why("[]"), HasSubstr("holds no ids"));
  EXPECT_THAT(why("[\"1\"]"), HasSubstr("not an array of whole numbers"));
  EXPECT_THAT(why("[[1]]"), HasSubstr("not an array of whole numbers"));
  EXPECT_THAT(why("\"1\""), HasSubstr("holds a string"));
  EXPECT_EQ(why("null"), "");  // no ids: the text counts
  options.ids_field.clear();
  EXPECT_EQ(why("\"anything\""), "");
}

TEST(Jsonl, ReadsVectors) {
  CorpusOptions options;
  options.vector_field = "v";
  options.vector_dims = 2;
  const auto why = [&](const std::string& v) {
    return reason(R"({"text":"t","v":)" + v + "}", options);
  };
  const Corpus corpus =
      read_bytes(R"({"id":"x","v":[0.1,-3.4028234663852886e38],"input_ids":[1],"text":"t"})",
                 "a.jsonl", options);
  ASSERT_THAT(corpus.rows, SizeIs(1));
  EXPECT_EQ(corpus.rows[0].kind, RecordKind::vector);
  EXPECT_THAT(corpus.rows[0].vector, ElementsAre(0.1F, -3.4028234663852886e38F));
  EXPECT_THAT(why("[1]"), HasSubstr("holds 1 numbers, not 2"));
  EXPECT_THAT(why("[1,2,3]"), HasSubstr("holds 3 numbers, not 2"));
  EXPECT_THAT(why("[1,1e39]"), HasSubstr("v[1] = 1e39 is beyond"));
  EXPECT_THAT(why("[1,-1e999]"), HasSubstr("beyond the range"));
  EXPECT_THAT(why("[1,null]"), HasSubstr("not an array of numbers"));
  EXPECT_THAT(why("[1,NaN]"), HasSubstr("not an array of numbers"));
  EXPECT_EQ(why("NaN"), "");  // as null: there is none
  EXPECT_THAT(why("{}"), HasSubstr("holds an object"));
  EXPECT_EQ(why("null"), "");
}

TEST(Jsonl, MixesKindsInOneCorpus) {
  CorpusOptions options;
  options.vector_field = "v";
  const Corpus corpus = read_bytes(
      "{\"v\":[1]}\n{\"input_ids\":[5]}\n{\"v\":[1e99]}\n{\"text\":\"t\"}\n", "a.jsonl", options);
  ASSERT_THAT(corpus.rows, SizeIs(3));
  EXPECT_EQ(corpus.rows[0].kind, RecordKind::vector);
  EXPECT_EQ(corpus.rows[1].kind, RecordKind::token_ids);
  EXPECT_EQ(corpus.rows[2].kind, RecordKind::text);
  EXPECT_EQ(corpus.rows[2].text, "t");
}

TEST(Jsonl, BoundsDepth) {
  const auto nested = [](std::size_t depth) {
    return R"({"text":"t","x":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  CorpusOptions options;
  options.max_depth = 10;
  EXPECT_EQ(reason(nested(9), options), "");  // the record itself is the tenth
  EXPECT_THAT(reason(nested(10), options), HasSubstr("deeper than 10"));
  EXPECT_THAT(reason(nested(1'000'000)), HasSubstr("deeper than 512"));
  EXPECT_THAT(reason(R"({"text":"t","x":)" + std::string(1'000'000, '[')), HasSubstr("JSON"));
  std::string objects = "{\"text\":\"t\",\"x\":";
  for (int i = 0; i < 10'000; ++i) objects += "{\"x\":";
  EXPECT_NE(reason(objects + std::string(10'000, '}') + "}"), "");
}

TEST(Jsonl, RejectsLongLinesAndReadsOn) {
  CorpusOptions options;
  options.max_line_bytes = 64;
  options.buffer_bytes = 16;
  const std::string giant = "{\"text\":\"" + std::string(10'000, 'x') + "\"}";
  const std::string fits = "{\"text\":\"" + std::string(64 - 11, 'y') + "\"}";
  const Corpus corpus = read_bytes(giant + "\n" + fits + "\n" + giant, "a.jsonl", options);
  ASSERT_THAT(corpus.rows, SizeIs(1));
  EXPECT_EQ(corpus.rows[0].line, 2U);
  ASSERT_THAT(corpus.rejects, SizeIs(2));
  EXPECT_EQ(corpus.rejects[0].reason, "the line is longer than 64 bytes");
  EXPECT_EQ(corpus.rejects[0].bytes, giant.substr(0, 64));
  EXPECT_EQ(corpus.rejects[1].line, 3U);
}

TEST(Jsonl, ReadsRecordsOfAllSizesInOneFile) {
  // Sizes around the powers of two at which buffers grow, and back to small ones.
  std::string bytes;
  std::vector<std::string> texts;
  for (const std::size_t size : {1U, 70'000U, 3U, 5'000'000U, 2U, 65'536U, 1'048'576U, 0U}) {
    texts.emplace_back(size, static_cast<char>('a' + texts.size()));
    bytes += "{\"text\":\"" + texts.back() + "\"}\n";
  }
  CorpusOptions options;
  options.buffer_bytes = 4096;
  const Corpus corpus = read_bytes(bytes, "a.jsonl", options);
  ASSERT_EQ(corpus.rows.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(corpus.rows[i].text, texts[i]);
}

}  // namespace
}  // namespace embedtool
