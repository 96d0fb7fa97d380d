#include "formats/corpus/corpus.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "core/base/error.hpp"
#include "formats/corpus/corpus_numbers.hpp"
#include "tests/support/corpus_testing.hpp"
#include "tests/support/fed_pipe.hpp"
#include "tests/support/packing.hpp"

namespace embedtool {
namespace {

using testing::append_rows;
using testing::Corpus;
using ::testing::ElementsAre;
using testing::FedPipe;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::read_bytes;
using testing::read_corpus;
using testing::RejectList;
using testing::Row;
using ::testing::SizeIs;
using testing::TempFolder;

std::vector<std::string> texts(const Corpus& corpus) {
  std::vector<std::string> all;
  for (const Row& row : corpus.rows) all.push_back(row.text);
  return all;
}

TEST(Corpus, ALineOfTextIsAText) {
  const Corpus corpus = read_bytes("one\r\n\n{\"text\":\"x\"}\nlast", "a.txt");
  EXPECT_THAT(texts(corpus), ElementsAre("one", "", "{\"text\":\"x\"}", "last"));
  EXPECT_EQ(corpus.rows[3].id, "3");
  EXPECT_EQ(corpus.rows[3].line, 4U);
  EXPECT_THAT(texts(read_bytes("\xef\xbb\xbf one\n", "a.txt")), ElementsAre(" one"));
  EXPECT_THAT(texts(read_bytes("", "a.txt")), IsEmpty());
  EXPECT_THAT(texts(read_bytes(std::string_view("a\0b\n", 4), "a.txt")),
              ElementsAre(std::string("a\0b", 3)));
}

TEST(Corpus, TextRejectsInvalidUtf8AndLongLines) {
  CorpusOptions options;
  options.max_line_bytes = 16;
  const Corpus corpus =
      read_bytes("ok\nab\xff\n" + std::string(17, 'x') + "\nend", "a.txt", options);
  EXPECT_THAT(texts(corpus), ElementsAre("ok", "end"));
  ASSERT_THAT(corpus.rejects, SizeIs(2));
  EXPECT_EQ(corpus.rejects[0].reason, "invalid UTF-8 at byte 2 of the line");
  EXPECT_EQ(corpus.rejects[1].line, 3U);
}

TEST(Corpus, MixesFormatsAndCompressionsInOrder) {
  const TempFolder folder;
  CorpusOptions options;
  options.inputs = {folder.write("a.jsonl.gz", testing::gzip("{\"text\":\"1\"}\n")),
                    folder.write("b.txt", "2\n3"),
                    folder.write("c.csv.zst", testing::zstd("text\n4\n")),
                    folder.write("empty.jsonl", ""),
                    folder.write("d.tsv", "id\ttext\nx\t5\n"),
                    folder.write("e.NDJSON", "{\"text\":\"6\"}")};
  const Corpus corpus = read_corpus(options);
  EXPECT_THAT(texts(corpus), ElementsAre("1", "2", "3", "4", "5", "6"));
  EXPECT_EQ(corpus.rows[5].ordinal, 5U);
  EXPECT_EQ(corpus.rows[5].file, 5U);
  EXPECT_EQ(corpus.rows[5].line, 1U);
  EXPECT_EQ(corpus.progress.bytes_read, corpus.progress.bytes_total);
  EXPECT_GT(corpus.progress.bytes_total, 0U);
  EXPECT_EQ(corpus.progress.bytes_unpacked, 13U + 3U + 7U + 12U + 12U);
}

TEST(Corpus, TellsUnknownNamesByContent) {
  EXPECT_THAT(texts(read_bytes(" \n {\"text\":\"x\"}", "a.data")), ElementsAre("x"));
  EXPECT_THAT(texts(read_bytes("\xef\xbb\xbf{\"text\":\"x\"}", "a")), ElementsAre("x"));
  EXPECT_THAT(texts(read_bytes("[x", "a")), ElementsAre("[x"));
  EXPECT_THAT(texts(read_bytes("\n\n", "a")), ElementsAre("", ""));
  CorpusOptions options;
  options.format = "text";
  EXPECT_THAT(texts(read_bytes("{}", "a.jsonl", options)), ElementsAre("{}"));
  options.format = "csv";
  EXPECT_THAT(texts(read_bytes("text\nx", "a", options)), ElementsAre("x"));
}

TEST(Corpus, StopsABlockAtItsLimits) {
  const TempFolder folder;
  CorpusOptions options;
  options.inputs = {folder.write("a.txt", "aaaa\nbbbb\ncccc\ndddd\neeee\n")};
  RejectList rejects;
  DocumentBlock block;
  const auto sizes = [&](BlockLimits limits) {
    const auto source = open_corpus(options, rejects);
    std::vector<std::size_t> counts;
    while (source->read(block, limits)) counts.push_back(block.records.size());
    EXPECT_THAT(block.records, IsEmpty());
    EXPECT_FALSE(source->read(block, limits));
    return counts;
  };
  EXPECT_THAT(sizes({2, 1000}), ElementsAre(2, 2, 1));
  EXPECT_THAT(sizes({100, 10}), ElementsAre(2, 2, 1));  // 5 bytes each with the id
  EXPECT_THAT(sizes({100, 1}), ElementsAre(1, 1, 1, 1, 1));
  EXPECT_THAT(sizes({5, 1000}), ElementsAre(5));
}

TEST(Corpus, OptionsAreChecked) {
  const TempFolder folder;
  RejectList rejects;
  const auto code = [&](CorpusOptions options) {
    try {
      open_corpus(options, rejects);
    } catch (const Error& error) {
      return error.code();
    }
    return ExitCode::ok;
  };
  const std::string good = folder.write("a.txt", "x");
  CorpusOptions options;
  EXPECT_EQ(code(options), ExitCode::usage);
  options.inputs = {"-", "-"};
  EXPECT_EQ(code(options), ExitCode::usage);
  options.inputs = {good, folder / "missing.txt"};
  EXPECT_EQ(code(options), ExitCode::failed);
  options.inputs = {good};
  EXPECT_EQ(code(options), ExitCode::ok);
  options.format = "xml";
  EXPECT_EQ(code(options), ExitCode::usage);
  options.format = "";
  options.max_depth = 100'000;
  EXPECT_EQ(code(options), ExitCode::usage);
}

TEST(Corpus, FormatsHaveNames) {
  EXPECT_THAT(input_format_names(),
              ElementsAre("jsonl", "json", "csv", "tsv", "text", "file", "parquet", "arrow"));
}

/// Feeds `pieces`, each only after everything that the earlier ones complete has come out.
void expect_early_records(const std::string& format,
                          const std::vector<std::pair<std::string, std::size_t>>& pieces) {
  std::atomic<std::size_t> seen{0};
  const FedPipe pipe([&](const FedPipe::Write& write) {
    std::size_t complete = 0;
    for (const auto& [bytes, records] : pieces) {
      write(bytes);
      complete += records;
      while (seen < complete) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  CorpusOptions options;
  options.inputs = {pipe.path()};
  options.format = format;
  RejectList rejects;
  const auto source = open_corpus(options, rejects);
  EXPECT_EQ(source->progress().bytes_total, 0U);
  DocumentBlock block;
  std::size_t expected = 0;
  for (const auto& [bytes, records] : pieces) expected += records;
  // Were a record held back, the writer would wait for it for ever, and so would this loop.
  while (source->read(block, {1000, 1 << 20})) seen += block.records.size();
  EXPECT_EQ(seen, expected);
  EXPECT_THAT(rejects.rows, IsEmpty());
}

TEST(Corpus, RecordsOfASlowPipeArriveEarly) {
  expect_early_records("jsonl", {{"{\"text\":\"a\"}\n", 1},
                                 {"{\"text\":\"b\"}\n\n{\"te", 1},
                                 {"xt\":\"c\"}\n", 1},
                                 {"{\"text\":\"d\"}", 0},  // complete only at the end
                                 {"\n", 1}});
  expect_early_records("text", {{"a\n", 1}, {"b", 0}, {"\nc\n", 2}});
  expect_early_records("csv", {{"id,text\n", 0}, {"1,a\n", 1}, {"2,\"b\n", 0}, {"\"\n3,c\n", 2}});
  expect_early_records("", {{"{", 0}, {"\"text\":\"a\"}\n", 1}});
  expect_early_records("", {{testing::zstd("a\nb\n"), 2}, {testing::zstd("c\n"), 1}});
  expect_early_records("", {{testing::gzip("a\nb\n"), 2}, {testing::gzip("c\n"), 1}});
}

TEST(Corpus, ReadsStdinFromWhereItStands) {
  const TempFolder folder;
  const std::string path = folder.write("input", "skipped\n{\"text\":\"a\"}\nbad\n");
  const int before = ::dup(STDIN_FILENO);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::lseek(fd, 8, SEEK_SET), 8);
  ASSERT_EQ(::dup2(fd, STDIN_FILENO), STDIN_FILENO);
  CorpusOptions options;
  options.inputs = {"-"};
  const Corpus corpus = read_corpus(options);
  ::dup2(before, STDIN_FILENO);
  ::close(before);
  ::close(fd);
  EXPECT_THAT(texts(corpus), ElementsAre("a"));
  EXPECT_THAT(corpus.rejects, SizeIs(1));
  EXPECT_EQ(corpus.progress.bytes_total, 17U);
  EXPECT_EQ(corpus.progress.bytes_read, 17U);
}

TEST(Corpus, StopEndsReading) {
  std::atomic<bool> stop{false};
  std::atomic<bool> done{false};
  const FedPipe pipe([&](const FedPipe::Write& write) {
    write("a\n");
    while (!done) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  CorpusOptions options;
  options.inputs = {pipe.path()};
  options.stop = &stop;
  RejectList rejects;
  const auto source = open_corpus(options, rejects);
  DocumentBlock block;
  EXPECT_TRUE(source->read(block, {10, 1000}));
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    stop = true;
  });
  EXPECT_FALSE(source->read(block, {10, 1000}));
  stopper.join();
  done = true;
}

TEST(Corpus, ATruncatedInputEndsTheRun) {
  const TempFolder folder;
  const std::string packed = testing::zstd("{\"text\":\"a\"}\n{\"text\":\"b\"}\n");
  CorpusOptions options;
  options.inputs = {folder.write("a.jsonl.zst", packed.substr(0, packed.size() - 2))};
  EXPECT_THROW(read_corpus(options), Error);
}

TEST(Corpus, AZstdBombStaysBounded) {
  // A few kilobytes that unpack to 200 MB of one line: rejected without holding the line.
  std::string bomb;
  const std::string frame = testing::zstd(std::string(std::size_t{10} << 20, 'x'));
  for (int i = 0; i < 20; ++i) bomb += frame;
  CorpusOptions options;
  options.max_line_bytes = 1 << 16;
  const Corpus corpus = read_bytes(bomb + testing::zstd("\nend"), "bomb.txt.zst", options);
  EXPECT_THAT(texts(corpus), ElementsAre("end"));
  ASSERT_THAT(corpus.rejects, SizeIs(1));
  EXPECT_EQ(corpus.rejects[0].bytes.size(), std::size_t{1} << 16);
}

TEST(CorpusNumbers, FollowsTheGrammar) {
  for (const char* good : {"0", "-0", "1", "10", "-1.5", "0.0", "1e5", "1E+05", "1.5e-3"}) {
    EXPECT_TRUE(is_json_number(good)) << good;
  }
  for (const char* bad : {"", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x1", "1 ", " 1",
                          "NaN", "inf", "1_0", "1,0", "--1", "1.5.2", "1e5e5"}) {
    EXPECT_FALSE(is_json_number(bad)) << bad;
  }
}

TEST(CorpusNumbers, FloatsAreStrtofs) {
  for (const char* number :
       {"0.1", "1e-40", "1e-45", "7e-46", "-1e-60", "1e-400", "-1e-400", "0.0", "-0.0", "0e999",
        "3.4028235677973365e38", "16777217", "0.000000000000000000000000000000000000001e-10",
        "100000000000000000000000000000000000000000000000000e-50", "1e-99999999999999999999",
        "8.589973e9", "1.00000017881393421514957253748434595763683319091796875001"}) {
    float got = 42.0F;
    EXPECT_TRUE(parse_float(number, got)) << number;
    const float expected = std::strtof(number, nullptr);
    EXPECT_EQ(got, expected) << number;
    EXPECT_EQ(std::signbit(got), std::signbit(expected)) << number;
  }
  for (const char* number : {"3.5e38", "-1e39", "1e400", "-1e400", "1e99999999999999999999",
                             "1000000000000000000000000000000000000000", "0.001e42"}) {
    float got = 0.0F;
    EXPECT_FALSE(parse_float(number, got)) << number;
  }
}

}  // namespace
}  // namespace embedtool
