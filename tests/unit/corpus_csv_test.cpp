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

std::vector<std::string> texts(const Corpus& corpus) {
  std::vector<std::string> all;
  for (const auto& row : corpus.rows) all.push_back(row.text);
  return all;
}

std::string error_of(std::string_view bytes, CorpusOptions options = {}) {
  try {
    read_bytes(bytes, "a.csv", std::move(options));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Csv, ReadsColumnsByName) {
  CorpusOptions options;
  options.keep = {"n", "id"};
  const Corpus corpus = read_bytes("n,text,id\n1,one,a\n,\"two, \"\"2\"\"\",b\n", "a.csv", options);
  ASSERT_THAT(corpus.rows, SizeIs(2));
  EXPECT_EQ(corpus.rows[0].id, "a");
  EXPECT_EQ(corpus.rows[0].text, "one");
  EXPECT_THAT(corpus.rows[0].kept,
              ElementsAre(Optional(std::string("1")), Optional(std::string("a"))));
  EXPECT_EQ(corpus.rows[1].id, "b");
  EXPECT_EQ(corpus.rows[1].text, "two, \"2\"");
  EXPECT_THAT(corpus.rows[1].kept,
              ElementsAre(Optional(std::string("")), Optional(std::string("b"))));
}

TEST(Csv, QuotedFieldsHoldAnything) {
  const Corpus corpus = read_bytes(
      "text,x\r\n\"a\r\nb\nc\",1\r\n\"\",2\r\n\"\"\"\",3\r\n\" q \"\"r\"\" \",4\r\nplain \"q\",5",
      "a.csv");
  EXPECT_THAT(corpus.rejects, IsEmpty());
  EXPECT_THAT(texts(corpus), ElementsAre("a\r\nb\nc", "", "\"", " q \"r\" ", "plain \"q\""));
  EXPECT_EQ(corpus.rows[0].line, 2U);
  EXPECT_EQ(corpus.rows[1].line, 5U);  // the first record covers lines 2 to 4
}

TEST(Csv, LineEndsAndEmptyLines) {
  for (const char* bytes :
       {"text,x\na,1\n\nb,2\n", "text,x\r\na,1\r\n\r\nb,2\r\n", "\n\ntext,x\na,1\nb,2",
        "\xef\xbb\xbftext,x\na,1\nb,2\r", "\xef\xbb\xbf\"text\",x\r\na,1\n\"b\",2\r\n"}) {
    const Corpus corpus = read_bytes(bytes, "a.csv");
    EXPECT_THAT(texts(corpus), ElementsAre("a", "b")) << bytes;
    EXPECT_THAT(corpus.rejects, IsEmpty()) << bytes;
  }
  for (const char* bytes : {"", "\n", "text\n", "text"}) {
    EXPECT_THAT(read_bytes(bytes, "a.csv").rows, IsEmpty());
  }
  EXPECT_THAT(texts(read_bytes("text\n\"\"\n\na\n", "a.csv")), ElementsAre("", "a"));
  EXPECT_THAT(texts(read_bytes("x,text\n1,\n2,", "a.csv")), ElementsAre("", ""));
}

TEST(Csv, RejectsWrongFieldCounts) {
  const Corpus corpus = read_bytes("id,text\n1\n2,b\n3,c,d\n4,\"x\ny\",\n", "a.csv");
  EXPECT_THAT(texts(corpus), ElementsAre("b"));
  ASSERT_THAT(corpus.rejects, SizeIs(3));
  EXPECT_EQ(corpus.rejects[0].reason, "the record has 1 fields, the header has 2");
  EXPECT_EQ(corpus.rejects[1].line, 4U);
  EXPECT_EQ(corpus.rejects[1].bytes, "3,c,d");
  EXPECT_EQ(corpus.rejects[2].line, 5U);
}

TEST(Csv, BrokenQuotingCostsOneLine) {
  const Corpus corpus = read_bytes("id,text\n1,\"a\"b\n2,b\n3,\"open\n4,d\n", "a.csv");
  EXPECT_THAT(texts(corpus), ElementsAre("b", "d"));
  ASSERT_THAT(corpus.rejects, SizeIs(2));
  EXPECT_EQ(corpus.rejects[0].line, 2U);
  EXPECT_THAT(corpus.rejects[0].reason, HasSubstr("after the closing quote"));
  EXPECT_EQ(corpus.rejects[1].line, 4U);
  EXPECT_THAT(corpus.rejects[1].reason, HasSubstr("an unterminated quoted field"));
  EXPECT_EQ(corpus.rows[1].line, 5U);
}

TEST(Csv, RejectsLongRecordsAndReadsOn) {
  CorpusOptions options;
  options.max_line_bytes = 32;
  options.buffer_bytes = 8;
  const std::string giant(1000, 'x');
  const Corpus corpus =
      read_bytes("id,text\n1," + giant + "\n2,b\n3,\"" + giant + "\"\n4,d\n", "a.csv", options);
  EXPECT_THAT(texts(corpus), ElementsAre("b", "d"));
  ASSERT_THAT(corpus.rejects, SizeIs(2));
  EXPECT_THAT(corpus.rejects[0].reason, HasSubstr("longer than 32 bytes"));
  EXPECT_EQ(corpus.rejects[1].line, 4U);
}

TEST(Csv, RejectsInvalidUtf8) {
  const Corpus corpus = read_bytes("id,text\n1,\xff\n2,b\n", "a.csv");
  EXPECT_THAT(texts(corpus), ElementsAre("b"));
  ASSERT_THAT(corpus.rejects, SizeIs(1));
  EXPECT_EQ(corpus.rejects[0].reason, "invalid UTF-8 at byte 2 of the record");
}

TEST(Csv, TabsSeparateTsv) {
  const Corpus corpus = read_bytes("id\ttext\n1\ta, b\n2\t\"tab\there\"\n3\t\"bare\n", "a.tsv");
  EXPECT_THAT(texts(corpus), ElementsAre("a, b", "tab\there"));
  EXPECT_THAT(corpus.rejects, SizeIs(1));
  CorpusOptions options;
  options.quotes = false;
  const Corpus bare = read_bytes("id\ttext\n1\t\"bare\n2\t\"a\"\n", "a.tsv", options);
  EXPECT_THAT(texts(bare), ElementsAre("\"bare", "\"a\""));
}

TEST(Csv, HeadersAreCheckedBeforeWorkStarts) {
  EXPECT_THAT(error_of("id,body\n1,x\n"),
              HasSubstr("no column 'text' in its header ('id', 'body')"));
  EXPECT_THAT(error_of("text,text\nx,y\n"), HasSubstr("appears twice"));
  EXPECT_THAT(error_of("text,\"x\n"), HasSubstr(":1: the header cannot be read"));
  EXPECT_THAT(error_of("text,\xff\nx,y\n"), HasSubstr("not UTF-8"));
  CorpusOptions options;
  options.id_field = "key";
  EXPECT_THAT(error_of("text,id\nx,y\n", options), HasSubstr("no column 'key'"));
  // The second file is bad: nothing of the first one is read.
  const testing::TempFolder folder;
  options = {};
  options.inputs = {folder.write("a.csv", "text\nx\n"), folder.write("b.csv", "body\nx\n")};
  testing::RejectList rejects;
  EXPECT_THROW(open_corpus(options, rejects), Error);
}

TEST(Csv, HasBeirTitles) {
  EXPECT_THAT(texts(read_bytes("_id,title,text\n1,T,x\n2,,y\n", "a.csv")), ElementsAre("T x", "y"));
}

TEST(Csv, CellsMayHoldIdsAndVectors) {
  CorpusOptions options;
  options.vector_field = "v";
  const Corpus corpus = read_bytes(
      "text,input_ids,v\nt,,\n,\"[1, 2]\",\n,[3],\"[0.5,1]\"\n,junk,\n,[x],\n", "a.csv", options);
  ASSERT_THAT(corpus.rows, SizeIs(3));
  EXPECT_EQ(corpus.rows[0].text, "t");
  EXPECT_THAT(corpus.rows[1].ids, ElementsAre(1, 2));
  EXPECT_THAT(corpus.rows[2].vector, ElementsAre(0.5F, 1.0F));
  ASSERT_THAT(corpus.rejects, SizeIs(2));
  EXPECT_THAT(corpus.rejects[0].reason, HasSubstr("holds a string"));
  EXPECT_THAT(corpus.rejects[1].reason, HasSubstr("not an array of whole numbers"));
}

TEST(Csv, WideHeadersAreRefusedAndWideRecordsBounded) {
  EXPECT_THAT(error_of(std::string(70'000, ',') + "text\n"), HasSubstr("columns, more than"));
  const Corpus corpus = read_bytes("id,text\n" + std::string(1'000'000, ',') + "\n1,a\n", "a.csv");
  EXPECT_THAT(texts(corpus), ElementsAre("a"));
  EXPECT_THAT(corpus.rejects[0].reason, HasSubstr("1000001 fields"));
}

}  // namespace
}  // namespace embedtool
