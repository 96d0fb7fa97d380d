// Parquet and Arrow as corpora. The files in data/columns were written by pyarrow (make.py there).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include <nlohmann/json.hpp>

#include "core/base/error.hpp"
#include "formats/corpus/corpus.hpp"
#include "tests/support/corpus_testing.hpp"

namespace embedtool {
namespace {

using ::testing::AllOf;
using testing::Corpus;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::read_bytes;
using testing::read_corpus;
using ::testing::SizeIs;

const std::string kFolder = EMBEDTOOL_SOURCE_DIR "/tests/unit/data/columns/";

constexpr const char* kFiles[] = {
    "plain-v1.parquet",      "plain-v2.parquet",  "dictionary-v1.parquet",
    "dictionary-v2.parquet", "deltas-v1.parquet", "deltas-v2.parquet",
    "snappy.parquet",        "gzip.parquet",      "zstd.parquet",
    "brotli.parquet",        "lz4.parquet",       "plain.arrow",
    "plain.arrows",          "lz4.arrow",         "zstd.arrow",
    "layouts.arrows",
};

CorpusOptions options_for(const std::string& name) {
  CorpusOptions options;
  options.inputs = {kFolder + name};
  return options;
}

std::string file_bytes(const std::string& name) {
  std::ifstream in(kFolder + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string refusal(const CorpusOptions& options) {
  try {
    read_corpus(options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

class ColumnFile : public ::testing::TestWithParam<const char*> {
 protected:
  /// Rows of the file and of the same rows as JSONL are equal, lines included.
  static void compare(CorpusOptions options) {
    options.inputs = {kFolder + "rows.jsonl"};
    const Corpus expected = read_corpus(options);
    ASSERT_THAT(expected.rows, Not(IsEmpty()));
    options.inputs = {kFolder + GetParam()};
    const Corpus found = read_corpus(options);
    EXPECT_EQ(found.rows, expected.rows);
    EXPECT_EQ(found.rejects.size(), expected.rejects.size());
  }
};

TEST_P(ColumnFile, TextsIdsAndKeptFieldsAreThoseOfJsonl) {
  CorpusOptions options;
  options.keep = {"n", "lang", "score", "flag", "tags", "meta", "messages", "meta.title"};
  compare(options);
}

TEST_P(ColumnFile, ReadyVectorsAreThoseOfJsonl) {
  CorpusOptions options;
  options.vector_field = "emb";
  compare(options);
}

TEST_P(ColumnFile, NestedTextsAreThoseOfJsonl) {
  CorpusOptions options;
  options.text_fields = {"messages.0.content", "tags", "meta.title"};
  options.id_field = "n";
  compare(options);
}

INSTANTIATE_TEST_SUITE_P(Files, ColumnFile, ::testing::ValuesIn(kFiles));

TEST(CorpusColumns, ValuesOfEveryTypeAreShown) {
  const auto shown = nlohmann::json::parse(file_bytes("types.json"));
  for (const char* file : {"types.parquet", "types.arrow"}) {
    CorpusOptions options = options_for(file);
    std::vector<std::string> expected;
    for (const auto& [name, text] : shown.items()) {
      if (name == "uuid" && std::string_view(file) == "types.arrow") continue;
      options.keep.push_back(name);
      expected.push_back(text);
    }
    const Corpus corpus = read_corpus(options);
    ASSERT_THAT(corpus.rows, SizeIs(2));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(corpus.rows[0].kept[i], expected[i]) << file << ": " << options.keep[i];
      EXPECT_EQ(corpus.rows[1].kept[i], std::nullopt) << file << ": " << options.keep[i];
    }
  }
  CorpusOptions old = options_for("int96.parquet");
  old.keep = {"local"};
  EXPECT_EQ(read_corpus(old).rows[0].kept[0], "2024-02-29T12:34:56.789");
}

TEST(CorpusColumns, MissingColumnsAreRefusedWithThoseThatThereAre) {
  for (const std::string file : {"snappy.parquet", "plain.arrow"}) {
    CorpusOptions options = options_for(file);
    options.text_fields = {"body"};
    EXPECT_THAT(refusal(options),
                HasSubstr(file + ": no column 'body' among its columns ('id', 'n', 'text', "));
    options.text_fields = {"meta.body"};
    EXPECT_THAT(refusal(options), HasSubstr("no column 'meta.body'"));
    options.text_fields.clear();
    options.keep = {"nope"};
    EXPECT_THAT(refusal(options), HasSubstr("no column 'nope'"));
    EXPECT_THAT(refusal(options), HasSubstr("--keep"));
    options.keep.clear();
    options.id_field = "key";
    EXPECT_THAT(refusal(options), HasSubstr("--id-field"));
    options.id_field.clear();
    options.vector_field = "vec";
    EXPECT_THAT(refusal(options), HasSubstr("--vector-field"));
  }
}

TEST(CorpusColumns, ColumnsOfOtherTypesAreRefused) {
  CorpusOptions options = options_for("snappy.parquet");
  options.text_fields = {"n"};
  EXPECT_THAT(refusal(options), HasSubstr("column 'n' is of type INT64; a text is a string"));
  options.text_fields.clear();
  options.vector_field = "tags";
  EXPECT_THAT(refusal(options), HasSubstr("a vector is a list of numbers"));
}

TEST(CorpusColumns, NullsAndLongRowsAreRejectsWithTheirRow) {
  CorpusOptions options = options_for("plain-v1.parquet");
  options.text_fields = {"lang"};
  const Corpus corpus = read_corpus(options);
  EXPECT_THAT(corpus.rows, SizeIs(16));
  ASSERT_THAT(corpus.rejects, SizeIs(9));
  EXPECT_EQ(corpus.rejects[1].line, 4U);
  EXPECT_EQ(corpus.rejects[1].id, "doc-3");
  EXPECT_THAT(corpus.rejects[1].reason, HasSubstr("field 'lang' holds null"));
  options.text_fields = {"text"};
  options.max_line_bytes = 16;
  const Corpus cut = read_corpus(options);
  EXPECT_EQ(cut.rows.size() + cut.rejects.size(), 25U);
  ASSERT_THAT(cut.rejects, Not(IsEmpty()));
  EXPECT_THAT(cut.rejects[0].reason, HasSubstr("longer than 16 bytes"));
}

TEST(CorpusColumns, ColumnsThatTakeMoreThanTheLimitLeavesAreRefused) {
  for (const std::string name : {"plain-v1.parquet", "plain.arrow", "plain.arrows"}) {
    CorpusOptions options = options_for(name);
    options.unpack_bytes = std::size_t{1} << 20;
    EXPECT_THAT(read_corpus(options).rows, SizeIs(25)) << name;
    options.unpack_bytes = 100;
    EXPECT_THAT(refusal(options), AllOf(HasSubstr(name), HasSubstr("more than 100 bytes of memory"),
                                        HasSubstr("raise --memory-limit")));
  }
}

TEST(CorpusColumns, RowsWithoutAnIdAreCalledByTheirNumberInTheFile) {
  for (const std::string name : {"snappy.parquet", "plain.arrow"}) {
    std::string bytes = file_bytes(name);
    // The column's name, wherever it stands, with its length before it.
    for (const std::string& length : {std::string("\x02"), std::string("\x02\0\0\0", 4)}) {
      for (std::size_t at = 0; (at = bytes.find(length + "id", at)) != std::string::npos;) {
        bytes.replace(at += length.size(), 2, "ix");
      }
    }
    CorpusOptions options;
    const Corpus numbered = read_bytes(bytes, name, options);
    options.id_from = IdFrom::offset;
    const Corpus named = read_bytes(bytes, name, options);
    ASSERT_GT(named.rows.size(), 10U);
    for (std::size_t i = 0; i < named.rows.size(); ++i) {
      EXPECT_THAT(named.rows[i].id, ::testing::EndsWith(name + "@" + numbered.rows[i].id));
    }
  }
}

// Every file cut anywhere is refused: an index, or an end, is missing.
TEST(CorpusColumns, CutFilesAreRefused) {
  for (const std::string name : {"snappy.parquet", "lz4.arrow", "plain.arrow"}) {
    const std::string whole = file_bytes(name);
    for (std::size_t size = 64; size < whole.size(); size += 97) {
      EXPECT_THROW(read_bytes(std::string_view(whole).substr(0, size), name), Error) << size;
    }
  }
}

TEST(CorpusColumns, EncryptedAndSummaryFilesAreNamed) {
  std::string bytes = file_bytes("snappy.parquet");
  bytes.replace(bytes.size() - 4, 4, "PARE");
  try {
    read_bytes(bytes, "secret.parquet");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("its footer is encrypted"));
  }
}

TEST(CorpusColumns, AFlippedBitInAPageWithACrcIsFound) {
  std::string bytes = file_bytes("dictionary-v1.parquet");
  bytes[bytes.find("doc-7") + 1] ^= 0x04;
  try {
    read_bytes(bytes, "a.parquet");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("column 'id': a page's CRC does not match"));
  }
}

TEST(CorpusColumns, JoinedStreamsAreRefused) {
  const std::string one = file_bytes("plain.arrows");
  try {
    read_bytes(one + one, "two.arrows");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("another stream follows"));
  }
}

}  // namespace
}  // namespace embedtool
