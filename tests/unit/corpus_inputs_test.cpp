// What an input is, and what comes of it: one table of inputs and outcomes after public reports of
// other tools' users, and the kinds that they stand for.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/base/error.hpp"
#include "formats/corpus/input_list.hpp"
#include "tests/support/corpus_testing.hpp"
#include "tests/support/packing.hpp"

namespace embedtool {
namespace {

using namespace std::string_literals;

using testing::Corpus;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::read_bytes;
using testing::read_corpus;
using testing::Row;
using ::testing::SizeIs;
using testing::TempFolder;

/// "id=text" of each row, "line!reason" of each reject, "error" of a refusal, and what was warned
/// of.
std::vector<std::string> outcome(const std::string& name, const std::string& bytes,
                                 CorpusOptions options = {}) {
  std::vector<std::string> all;
  options.warn = [&all](const std::string& text) { all.push_back("warning: " + text); };
  try {
    const Corpus corpus = read_bytes(bytes, name, options);
    for (const Row& row : corpus.rows) all.push_back(row.id + "=" + row.text);
    for (const auto& reject : corpus.rejects) {
      all.push_back(fmt::format("{}!{}", reject.line, reject.reason));
    }
  } catch (const Error& error) {
    all.push_back("error: "s + error.what());
  }
  return all;
}

CorpusOptions reading(const std::string& text_field) {
  CorpusOptions options;
  options.text_fields = {text_field};
  return options;
}

const std::vector<std::string> kTwo{"a=x", "b=y"};

TEST(Inputs, JsonIsReadHoweverItIsLaidOut) {
  const std::string a = R"({"id":"a","text":"x"})";
  const std::string b = R"({"id":"b","text":"y"})";
  for (const std::string& bytes : {
           a + "\n" + b,
           a + "\r\n" + b + "\r\n",
           "\n  " + a + "  \n\n" + b,
           a + b,
           a + " " + b,
           a + ",\n" + b + ",\n",
           "\x1e" + a + "\n\x1e" + b + "\n",
           "[" + a + "," + b + "]",
           "[" + a + ",\n" + b + "]\n",
           "[\n\t" + a + "\n\t,\n" + b + "\n]",
           "[" + a + "]\n[" + b + "]",
           "[]" + a + b,
           "{\n \"id\": \"a\",\n \"text\": \"x\"\n}\n{\n \"id\": \"b\",\n \"text\": \"y\"\n}\n"s,
           "[{\n \"id\": \"a\",\n \"text\": \"x\"\n},\n{\n \"id\": \"b\",\n \"text\": \"y\"\n}]\n"s,
           "\xef\xbb\xbf" + a + "\n\xef\xbb\xbf" + b,
           "\xef\xbb\xbf[" + a + "]\xef\xbb\xbf[" + b + "]",
       }) {
    for (const char* name : {"a.jsonl", "a.json", "a.ndjson", "a", "a.unknown"}) {
      EXPECT_EQ(outcome(name, bytes), kTwo) << name << ": " << bytes;
    }
    // The contents decide, and that is said.
    for (const char* name : {"a.txt", "a.csv"}) {
      const auto all = outcome(name, bytes);
      ASSERT_THAT(all, SizeIs(3)) << name << ": " << bytes;
      EXPECT_THAT(all[0], HasSubstr("as its name says"));
      EXPECT_THAT(all[1], kTwo[0]);
    }
  }
}

TEST(Inputs, DamageInJsonCostsWhatIsDamaged) {
  const std::string good = R"({"id":"a","text":"x"})";
  // In lines, and in an array with an element a line.
  EXPECT_THAT(outcome("a.json", "[" + good + ",\n{\"id\":\"z\" \"text\":1},\n" + good + "]"),
              ElementsAre("a=x", "a=x", HasSubstr("2!not valid JSON near byte 10")));
  EXPECT_THAT(outcome("a.json", "[\n  " + good + ",\n  {\"id\":\"z\",\n  " + good + "\n]"),
              ElementsAre("a=x", "a=x", HasSubstr("3!not valid JSON")));
  EXPECT_THAT(outcome("a.json", "[" + good + ",{\"id\":\"z\",\"text\":\"\\x\"}," + good + "]"),
              ElementsAre("a=x", "a=x", HasSubstr("1!not valid JSON: a string with a bad escape")));
  EXPECT_THAT(outcome("a.json", "[" + good + ",\n7,\n\"s\",\n[1],\n" + good + "]"),
              ElementsAre("a=x", "a=x", HasSubstr("2!a record must be a JSON object"),
                          HasSubstr("3!a record"), HasSubstr("4!a record")));
  // Cut off.
  EXPECT_THAT(outcome("a.json", "[" + good + ",{\"id\":\"z\",\"te"),
              ElementsAre("a=x", HasSubstr("1!not valid JSON: an unterminated"),
                          HasSubstr("1!the JSON array has no end")));
  EXPECT_THAT(outcome("a.json", "[" + good + ","),
              ElementsAre("a=x", HasSubstr("1!the JSON array has no end")));
  // Longer than allowed.
  CorpusOptions options;
  options.max_line_bytes = 64;
  EXPECT_THAT(outcome("a.json",
                      "[" + good + ",{\"id\":\"z\",\"text\":\"" + std::string(300, 'y') + "\"}," +
                          good + "]",
                      options),
              ElementsAre("a=x", "a=x", "1!the record is longer than 64 bytes"));
}

TEST(Inputs, WhatLooksLikeJsonInTextIsText) {
  EXPECT_THAT(outcome("a", "{{Infobox}} start\nplain\n"),
              ElementsAre("0={{Infobox}} start", "1=plain"));
  EXPECT_THAT(outcome("a", "[1] a note\n[2] more\n"), ElementsAre("0=[1] a note", "1=[2] more"));
  EXPECT_THAT(outcome("a", "[[Link]]\nplain\n"), ElementsAre("0=[[Link]]", "1=plain"));
  EXPECT_THAT(outcome("a.txt", "{a} b\nc\n"), ElementsAre("0={a} b", "1=c"));
  // Noise before the records costs one record.
  EXPECT_THAT(
      outcome("a", "Warning: w\n{\"id\":\"a\",\"text\":\"x\"}\n{\"id\":\"b\",\"text\":\"y\"}\n"),
      ElementsAre("a=x", "b=y", HasSubstr("1!a record must be one JSON object")));
}

TEST(Inputs, AGuessThatLaterRecordsContradictIsSaid) {
  std::string bytes;
  for (int i = 0; i < 3000; ++i)
    bytes += "a line of plain text, and rather long, to fill the block\n";
  for (int i = 0; i < 4000; ++i) bytes += "{\"id\":\"a\",\"text\":\"x\"}\n";
  const auto all = outcome("a", bytes);
  ASSERT_FALSE(all.empty());
  EXPECT_THAT(all[0], HasSubstr("warning: "));
  EXPECT_THAT(all[0], HasSubstr("4000 of its 7000 lines are JSON objects"));
  // Tables without a header that is known.
  const auto table = outcome("a", "q1\tone\nq2\ttwo\nq3\tthree\n");
  EXPECT_THAT(table[0], HasSubstr("2 columns"));
  EXPECT_THAT(table, SizeIs(4));
}

TEST(Inputs, TablesAreReadWithAnyDelimiter) {
  for (const std::string delimiter : {",", ";", "\t", "|"}) {
    const std::string d = delimiter;
    const std::string bytes =
        "id" + d + "text" + d + "n\na" + d + "x" + d + "1\nb" + d + "y" + d + "2\n";
    for (const char* name : {"a.csv", "a.tsv", "a", "rows.csv.bgz", "rows.csv.gzip"}) {
      EXPECT_EQ(outcome(name, bytes), kTwo) << name << ": " << bytes;
    }
    EXPECT_EQ(outcome("a.csv", "sep=;\r\nid;text\r\na;x\r\nb;y\r\n"), kTwo);
  }
  // Text fields with the other delimiters in them.
  EXPECT_EQ(outcome("a.csv", "id;text\n1;\"a house, red\"\n2;b, c\n"),
            (std::vector<std::string>{"1=a house, red", "2=b, c"}));
  CorpusOptions options;
  options.delimiter = '^';
  EXPECT_EQ(outcome("a.csv", "id^text\na^x\nb^y\n", options), kTwo);
  // No such column, whatever the delimiter.
  EXPECT_THAT(outcome("a.csv", "id;body\n1;x\n"),
              ElementsAre(HasSubstr("no column 'text' in its header ('id', 'body')")));
  EXPECT_THAT(
      outcome("a.csv", "id^text\na^x\n"),
      ElementsAre(HasSubstr("('id^text'); name one with --text-field, say with --delimiter")));
}

TEST(Inputs, TablesWithoutAHeader) {
  CorpusOptions options = reading("2");
  options.header = false;
  options.id_field = "1";
  EXPECT_EQ(outcome("a.tsv", "a\tx\nb\ty\n", options), kTwo);
  EXPECT_EQ(outcome("a.csv", "a;x\nb;y\n", options), kTwo);
  options.quotes = false;
  EXPECT_THAT(outcome("marco.tsv", "0\tThe \"first\" one\n1\t\"unbalanced\n2\tlast\n", options),
              ElementsAre("0=The \"first\" one", "1=\"unbalanced", "2=last"));
  options.text_fields = {"3"};
  EXPECT_THAT(outcome("a.tsv", "a\tx\n", options), ElementsAre(HasSubstr("no column '3'")));
  options.text_fields = {"2"};
  EXPECT_THAT(outcome("a.tsv", "a\tx\nb\n", options),
              ElementsAre("a=x", "2!the record has 1 fields, the first has 2"));
  // The hint for files that do not quote.
  EXPECT_THAT(outcome("a.tsv", "id\ttext\n1\t\"open\n2\tx\n"),
              ElementsAre("2=x", HasSubstr("add --no-quotes")));
}

TEST(Inputs, LinesEndInAnyWay) {
  EXPECT_THAT(outcome("a.txt", "x\ry\rz"), ElementsAre("0=x", "1=y", "2=z"));
  EXPECT_THAT(outcome("a.txt", "x\r\ny\r\n"), ElementsAre("0=x", "1=y"));
  EXPECT_EQ(outcome("a.csv", "id,text\ra,x\rb,y\r"), kTwo);
  EXPECT_EQ(outcome("a.jsonl", "{\"id\":\"a\",\"text\":\"x\"}\r{\"id\":\"b\",\"text\":\"y\"}"),
            kTwo);
  EXPECT_THAT(outcome("a.txt", "one\rstill one\n"), ElementsAre("0=one\rstill one"));
}

TEST(Inputs, MarksAndHeadersOfFilesJoinedByCat) {
  const std::string mark = "\xef\xbb\xbf";
  EXPECT_EQ(outcome("a.csv", mark + "id,text\na,x\n" + mark + "id,text\nb,y\n"),
            (std::vector<std::string>{
                "a=x", "b=y", "3!this is the header once more; were files joined by cat(1)?"}));
  EXPECT_THAT(outcome("a.csv", mark + "\"id\",\"text\"\n\"a\",\"x\"\n" + mark + "\"b\",\"y\"\n"),
              ElementsAre("a=x", "b=y"));
  EXPECT_THAT(outcome("a.txt", "x\n" + mark + "y\n"), ElementsAre("0=x", "1=y"));
}

TEST(Inputs, WhatIsNoCorpusIsRefusedByName) {
  const auto refused = [](const std::string& name, const std::string& bytes, const char* what) {
    const auto all = outcome(name, bytes);
    ASSERT_THAT(all, SizeIs(1)) << what;
    EXPECT_THAT(all[0], HasSubstr("error: "));
    EXPECT_THAT(all[0], HasSubstr(what));
    EXPECT_THAT(all[0], HasSubstr(name));
  };
  const std::string lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n";
  for (const char* name : {"a.jsonl", "a.txt", "a.csv", "a"}) {
    refused(name, lfs,
            "a Git LFS pointer, in place of the file, not a corpus; fetch the file: git lfs pull");
    refused(name, "<!DOCTYPE html>\n<html><body>404</body></html>\n", "an HTML page");
    refused(name, "\n <HTML>\n", "an HTML page");
    refused(name, "<?xml version=\"1.0\"?>\n<a/>\n", "an XML document");
    refused(name, "PK\x03\x04 and so on", "a ZIP archive");
    refused(name, "7z\xbc\xaf\x27\x1c", "a 7z archive");
    refused(name, "%PDF-1.7\n%\xe2\xe3\n", "a PDF document");
    refused(name, "\x89PNG\r\n\x1a\n123", "a PNG image");
    refused(name, "\xff\xd8\xff\xe0 123", "a JPEG image");
    refused(name, "GIF89a123", "a GIF image");
    refused(name,
            "\x7f"
            "ELF\x02\x01\x01",
            "an ELF program");
    refused(name, "SQLite format 3\0 123"s, "an SQLite database");
    refused(name, "\x93NUMPY\x01\0"s, "a NumPy array");
    refused(name, "GGUF\x03\0\0\0"s, "a GGUF model");
    refused(name, "\x40\0\0\0\0\0\0\0{\"a\":{}}"s, "a safetensors file");
    refused(name, "Obj\x01 avro", "an Avro file");
    refused(name, testing::gzip(testing::gzip("x")), "gzip data inside compressed data");
    refused(name, testing::zstd(testing::xz("x")), "xz data inside compressed data");
    std::string tar(512, '\0');
    tar.replace(0, 5, "a.txt");
    tar.replace(257, 5, "ustar");
    refused(name, tar + "x", "a tar archive");
    refused(name, testing::bzip2(tar), "a tar archive");
    std::string noise;
    for (unsigned i = 0; i < 2000; ++i) noise += static_cast<char>(i * 197 % 251 ^ i >> 3);
    refused(name, noise, "binary data");
  }
  // Text that is asked for is text.
  CorpusOptions options;
  options.format = "text";
  EXPECT_THAT(outcome("a.html", "<!DOCTYPE html>\n", options), ElementsAre("0=<!DOCTYPE html>"));
  EXPECT_THAT(outcome("a.txt", lfs, options), ElementsAre(HasSubstr("LFS pointer")));
}

TEST(Inputs, CompressionIsToldByContentAlone) {
  const std::string lines = "{\"id\":\"a\",\"text\":\"x\"}\n{\"id\":\"b\",\"text\":\"y\"}\n";
  for (const std::string& packed :
       {testing::gzip(lines), testing::zstd(lines), testing::bzip2(lines), testing::xz(lines),
        testing::lz4(lines)}) {
    for (const char* name : {"a.jsonl", "a.jsonl.xz", "a.gz", "a", "a.txt"}) {
      const auto all = outcome(name, packed);
      ASSERT_GE(all.size(), 2U) << name;
      EXPECT_EQ(all[all.size() - 2], "a=x") << name;
      EXPECT_EQ(all.back(), "b=y") << name;
    }
    EXPECT_EQ(outcome("a", packed + packed),
              (std::vector<std::string>{"a=x", "b=y", "a=x", "b=y"}));
    // Cut anywhere, it is an error that names the file, never fewer rows.
    for (std::size_t size = 20; size < packed.size(); size += 7) {
      const auto all = outcome("a.jsonl", packed.substr(0, size));
      EXPECT_THAT(all.back(), HasSubstr("error: ")) << size;
      EXPECT_THAT(all.back(), HasSubstr("a.jsonl")) << size;
    }
  }
}

TEST(Inputs, LongZstdWindowsNameTheOption) {
  const std::string packed = testing::zstd("{\"id\":\"a\",\"text\":\"x\"}\n", 28);
  EXPECT_THAT(outcome("a.jsonl", packed), ElementsAre(HasSubstr("add --long")));
  CorpusOptions options;
  options.long_windows = true;
  EXPECT_THAT(outcome("a.jsonl", packed, options), ElementsAre("a=x"));
}

TEST(Inputs, WindowsThatTakeMoreThanTheLimitLeavesAreRefused) {
  const std::string line = "{\"id\":\"a\",\"text\":\"x\"}\n";
  for (const std::string& packed : {testing::zstd(line, 24), testing::xz(line, 7)}) {
    CorpusOptions options;
    options.unpack_bytes = std::size_t{16} << 20;
    EXPECT_THAT(outcome("a.jsonl", packed, options),
                ElementsAre(HasSubstr("raise --memory-limit")));
    options.unpack_bytes = std::size_t{64} << 20;
    EXPECT_THAT(outcome("a.jsonl", packed, options), ElementsAre("a=x"));
  }
}

TEST(Inputs, FieldsThatAreNotUsedCostNothing) {
  CorpusOptions options;
  options.keep = {"s", "o"};
  const Corpus corpus = read_bytes(
      "{\"id\":\"a\",\"text\":\"x\",\"s\":NaN,\"t\":[-Infinity,{\"u\":Infinity}]}\n"
      "{\"id\":\"b\",\"text\":\"y\",\"s\":-NaN,\"o\":{\"NaN\":NaN,\"k\":[1,-Infinity,\"\\\"NaN\"]}}"
      "\n",
      "a.jsonl", options);
  ASSERT_THAT(corpus.rows, SizeIs(2));
  EXPECT_THAT(corpus.rows[0].kept, ElementsAre(std::nullopt, std::nullopt));
  EXPECT_THAT(corpus.rows[1].kept,
              ElementsAre(std::nullopt, R"({"NaN":null,"k":[1,null,"\"NaN"]})"));
  EXPECT_THAT(outcome("a.jsonl", "{\"id\":NaN,\"text\":\"x\"}\n"),
              ElementsAre(HasSubstr("1!field 'id' holds NaN or Infinity")));
}

TEST(Inputs, NamesThatHoldDotsGoBeforePaths) {
  const auto text_of = [](const std::string& json, const std::string& field) {
    const auto all = outcome("a.jsonl", json + "\n", reading(field));
    return all.empty() ? "" : all[0];
  };
  EXPECT_EQ(text_of(R"({"a.b":"x"})", "a.b"), "0=x");
  EXPECT_EQ(text_of(R"({"a":{"b":"x"}})", "a.b"), "0=x");
  EXPECT_EQ(text_of(R"({"a":{"b":"path"},"a.b":"name"})", "a.b"), "0=name");
  EXPECT_EQ(text_of(R"({"a.b":{"c":"x"}})", "a.b.c"), "0=x");
  EXPECT_EQ(text_of(R"({"a":{"b.c":"x"}})", "a.b.c"), "0=x");
  EXPECT_EQ(text_of(R"({"a.b":"name","a":{"b":"x"}})", "/a/b"), "0=x");
  EXPECT_THAT(text_of(R"({"a":1})", "a.b"), HasSubstr("no field 'a.b'"));
}

TEST(Inputs, GeneratedIdsArePositions) {
  EXPECT_THAT(outcome("a.txt", "alpha\nbr\xe9ve\ngamma\n"),
              ElementsAre("0=alpha", "2=gamma", HasSubstr("2!")));
  EXPECT_THAT(outcome("a.csv", "text,x\nalpha,1\nbad,1,2\ngamma,3\n"),
              ElementsAre("0=alpha", "2=gamma", HasSubstr("3!")));
  EXPECT_THAT(outcome("a.jsonl", "{\"text\":null}\n{\"text\":\"x\"}\n"),
              ElementsAre("1=x", HasSubstr("1!")));
  EXPECT_THAT(outcome("a.json", "[{\"text\":null},{\"text\":\"x\"}]"),
              ElementsAre("1=x", HasSubstr("1!")));
}

TEST(Inputs, GeneratedIdsCountAmongDuplicates) {
  const std::string given_first = "{\"id\":\"1\",\"text\":\"a\"}\n{\"text\":\"b\"}\n";
  const std::string given_last =
      "{\"text\":\"a\"}\n{\"id\":\"0\",\"text\":\"b\"}\n{\"id\":\"00\",\"text\":\"c\"}\n";
  EXPECT_EQ(read_bytes(given_first, "a.jsonl").progress.duplicate_ids, 1U);
  EXPECT_EQ(read_bytes(given_last, "a.jsonl").progress.duplicate_ids, 1U);
  CorpusOptions options;
  options.unique_ids = true;
  EXPECT_THAT(outcome("a.jsonl", given_first, options),
              ElementsAre("1=a", HasSubstr("2!duplicate id")));
  EXPECT_THAT(outcome("a.jsonl", given_last, options),
              ElementsAre("0=a", "00=c", HasSubstr("2!duplicate id")));
}

TEST(Inputs, IdsFromOffsets) {
  const TempFolder folder;
  CorpusOptions options;
  options.id_from = IdFrom::offset;
  const std::string path = folder.write(
      "a.jsonl", "{\"text\":\"x\"}\n  {\"text\":\"y\"}\nbad\n{\"id\":\"own\",\"text\":\"z\"}\n");
  options.inputs = {path};
  for (const std::size_t buffer : {std::size_t{1} << 20U, std::size_t{7}}) {
    options.buffer_bytes = buffer;
    const Corpus corpus = read_corpus(options);
    ASSERT_THAT(corpus.rows, SizeIs(3));
    EXPECT_EQ(corpus.rows[0].id, path + "@0");
    EXPECT_EQ(corpus.rows[1].id, path + "@15");
    EXPECT_EQ(corpus.rows[2].id, "own");
  }
  const std::string table = folder.write("a.csv", "text\nx\n\"y\"\n");
  options.inputs = {table};
  EXPECT_EQ(read_corpus(options).rows[1].id, table + "@7");
  const std::string array = folder.write("a.json", "[{\"text\":\"x\"}, {\"text\":\"y\"}]");
  options.inputs = {array};
  EXPECT_EQ(read_corpus(options).rows[1].id, array + "@15");
  const std::string text = folder.write("a.txt", "\xef\xbb\xbfone\r\ntwo\n");
  options.inputs = {text};
  EXPECT_EQ(read_corpus(options).rows[1].id, text + "@8");
}

TEST(Inputs, KeptFieldsThatAreMissingAreSaid) {
  CorpusOptions options;
  options.keep = {"lang", "nope"};
  EXPECT_THAT(outcome("a.jsonl", "{\"id\":\"a\",\"text\":\"x\",\"lang\":null}\n", options),
              ElementsAre(HasSubstr("none of the first 1 records"), "a=x"));
  EXPECT_THAT(
      outcome("a.csv", "id,text,lang\na,x,en\n", options),
      ElementsAre(HasSubstr("no column 'nope' in its header ('id', 'text', 'lang'); name one "
                            "with --keep")));
}

TEST(Inputs, LinesOfNulAreNoTexts) {
  EXPECT_THAT(outcome("a.txt", "x\n"s + std::string(50, '\0')),
              ElementsAre("0=x", HasSubstr("2!nothing but NUL bytes")));
}

/// Makes files in folders.
std::string tree(const TempFolder& folder, const std::vector<std::string>& names) {
  const std::string root = folder / "docs";
  for (const std::string& name : names) {
    const std::filesystem::path path = std::filesystem::path(root) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << "text of " << name << "\n";
  }
  return root;
}

TEST(InputList, WalksFoldersInTheOrderOfBytes) {
  const TempFolder folder;
  const std::string root = tree(folder, {"b.txt", "a-b.txt", "a/z.txt", "a/b/c.md", "a.txt",
                                         "B.txt", ".git/x.txt", "a/.hidden", "\xff.txt"});
  CorpusOptions options;
  options.inputs = {root};
  const InputList list(options);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < list.size(); ++i)
    names.push_back(list.path(i).substr(root.size() + 1));
  EXPECT_THAT(names,
              ElementsAre("B.txt", "a-b.txt", "a.txt", "a/b/c.md", "a/z.txt", "b.txt", "\xff.txt"));
  EXPECT_THAT(list.name(6), HasSubstr("\\xff.txt"));
  ASSERT_THAT(list.groups(), SizeIs(1));
  EXPECT_TRUE(list.groups()[0].many);
  EXPECT_EQ(list.groups()[0].files, 7U);
  options.globs = {"*.md", "a/z*"};
  EXPECT_EQ(InputList(options).size(), 2U);
  options.globs = {"*.zip"};
  EXPECT_THROW(InputList{options}, Error);
  options.globs.clear();
  options.except_folder = root + "/a";
  EXPECT_EQ(InputList(options).size(), 5U);
}

TEST(InputList, AFileIsOneRecordWithItsPathAsId) {
  const TempFolder folder;
  const std::string root = tree(folder, {"a.txt", "b/c.html"});
  std::ofstream(root + "/\xff") << "any name";
  std::ofstream(root + "/b/d") << "two\nlines\n\n";
  std::ofstream(root + "/bad") << "caf\xe9";
  CorpusOptions options;
  options.inputs = {root};
  options.format = "file";
  const Corpus corpus = read_corpus(options);
  ASSERT_THAT(corpus.rows, SizeIs(4));
  EXPECT_EQ(corpus.rows[0].id, root + "/a.txt");
  EXPECT_EQ(corpus.rows[0].text, "text of a.txt");
  EXPECT_EQ(corpus.rows[2].text, "two\nlines\n");
  EXPECT_EQ(corpus.rows[3].id, root + "/\\xff");
  ASSERT_THAT(corpus.rejects, SizeIs(1));
  EXPECT_THAT(corpus.rejects[0].reason, HasSubstr("invalid UTF-8 at byte 3 of the file"));
}

TEST(InputList, ListsNameFilesAndFolders) {
  const TempFolder folder;
  const std::string root = tree(folder, {"a.txt", "b/c.txt", "new\nline.txt"});
  CorpusOptions options;
  options.files_from =
      folder.write("list", root + "/new\nline.txt" + "\0"s + root + "/b" + "\0"s + root + "/a.txt");
  options.nul_names = true;
  const InputList list(options);
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list.path(0), root + "/new\nline.txt");
  EXPECT_EQ(list.path(1), root + "/b/c.txt");
  options.nul_names = false;
  EXPECT_THROW(InputList{options}, Error);
  options.files_from = folder.write("lines", root + "/a.txt\r\n\n" + root + "/b/c.txt\n");
  EXPECT_EQ(InputList(options).size(), 2U);
  options.files_from = folder.write("empty", "\n");
  EXPECT_THROW(InputList{options}, Error);
  options.files_from = folder.write("missing", root + "/none\n");
  EXPECT_THROW(InputList{options}, Error);
}

TEST(InputList, NoticesChangesByNameSizeAndTime) {
  const TempFolder folder;
  const std::string root = tree(folder, {"a.txt", "b.txt"});
  CorpusOptions options;
  options.inputs = {root};
  const InputList before(options);
  EXPECT_FALSE(before.has_changed(0));
  EXPECT_EQ(InputList(options).groups()[0].listing, before.groups()[0].listing);
  const std::atomic<bool> go_on{false};
  const std::string hash = before.read_hash(0, go_on);
  std::ofstream(root + "/b.txt") << "other";
  EXPECT_TRUE(before.has_changed(0));
  EXPECT_NE(InputList(options).groups()[0].listing, before.groups()[0].listing);
  EXPECT_NE(before.read_hash(0, go_on), hash);
}

TEST(PackedNames, KeepsNamesInLittleMemory) {
  PackedNames names;
  for (int i = 0; i < 100'000; ++i)
    names.add(fmt::format("/data/corpus/docs/part-{:03}/{:06}.txt", i / 1000, i));
  EXPECT_EQ(names.at(0), "/data/corpus/docs/part-000/000000.txt");
  EXPECT_EQ(names.at(99'999), "/data/corpus/docs/part-099/099999.txt");
  EXPECT_EQ(names.at(12'345), "/data/corpus/docs/part-012/012345.txt");
  EXPECT_LT(names.bytes() / names.size(), 24U);
  PackedNames odd;
  for (const std::string& name : {""s, "a"s, ""s, "a\0b"s, std::string(5000, 'x')}) odd.add(name);
  EXPECT_EQ(odd.at(3), "a\0b"s);
  EXPECT_EQ(odd.at(4).size(), 5000U);
}

}  // namespace
}  // namespace embedtool
