// A corpus that is read in units is the corpus: every record once, in order, whatever their size.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/base/error.hpp"
#include "formats/corpus/corpus_units.hpp"
#include "formats/corpus/input_list.hpp"
#include "tests/support/corpus_testing.hpp"
#include "tests/support/packing.hpp"

namespace embedtool {
namespace {

using testing::Corpus;
using ::testing::HasSubstr;
using testing::read_corpus;
using testing::TempFolder;

using Random = std::mt19937;

std::uint64_t below(Random& random, std::uint64_t n) {
  return std::uniform_int_distribution<std::uint64_t>(0, n - 1)(random);
}

/// A line of up to `most` letters.
std::string letters(Random& random, std::uint64_t most) {
  std::string text(below(random, most + 1), ' ');
  for (char& c : text) c = static_cast<char>('a' + below(random, 26));
  return text;
}

/// Lines, some empty, some long, some bad; the last one may lack its end.
std::string lines_of(Random& random, const std::string& kind) {
  const std::string end = below(random, 3) == 0 ? "\r\n" : "\n";
  std::string bytes = below(random, 4) == 0 ? "\xef\xbb\xbf" : "";
  if (kind == "csv") bytes += "id,text" + end;
  const std::uint64_t count = below(random, 60);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string text = letters(random, below(random, 9) == 0 ? 300 : 20);
    const std::string id = std::to_string(i);
    if (below(random, 12) == 0) {
      bytes += below(random, 2) == 0 ? "" : "\xff{";  // skipped, or bad
    } else if (kind == "jsonl") {
      bytes += "{\"id\":\"" + id + "\",\"text\":\"" + text + "\"}";
    } else {
      bytes += (kind == "csv" ? id + "," : "") + text + "x";
    }
    if (i + 1 < count || below(random, 2) == 0) bytes += end;
  }
  return bytes;
}

struct UnitsRead {
  Corpus corpus;
  std::vector<UnitEnd> ends;
};

UnitsRead read_units(CorpusOptions options, const std::vector<CorpusUnit>& units) {
  UnitsRead read;
  options.units = std::make_shared<const std::vector<CorpusUnit>>(units);
  options.unit_ended = [&](const UnitEnd& end) { read.ends.push_back(end); };
  read.corpus = read_corpus(options, {7, 1 << 20});
  return read;
}

/// Reads all units, each on its own, and joins what they held, with lines of whole files.
void expect_same(const CorpusOptions& options, const Corpus& whole, const CorpusCut& cut) {
  Corpus joined;
  std::uint64_t lines = 0;  // of the file, before the unit
  std::vector<std::uint64_t> bytes(options.files->size());
  for (const CorpusUnit& unit : cut.units) {
    const UnitsRead part = read_units(options, {unit});
    ASSERT_EQ(part.ends.size(), 1U);
    ASSERT_EQ(part.ends[0].files.size(), unit.files);
    EXPECT_EQ(part.ends[0].position, part.corpus.rows.size() + part.corpus.rejects.size());
    for (std::size_t i = 0; i < unit.files; ++i) {
      bytes[unit.first_file + i] += part.ends[0].files[i].bytes;
    }
    if (unit.range.begin == 0) lines = 0;
    for (testing::Row row : part.corpus.rows) {
      row.line += lines;
      row.ordinal = joined.rows.size();
      joined.rows.push_back(std::move(row));
    }
    for (testing::RejectRow row : part.corpus.rejects) {
      row.line += lines;
      joined.rejects.push_back(std::move(row));
    }
    lines += part.ends[0].lines;
  }
  EXPECT_EQ(joined.rows, whole.rows);
  ASSERT_EQ(joined.rejects.size(), whole.rejects.size());
  for (std::size_t i = 0; i < whole.rejects.size(); ++i) {
    EXPECT_EQ(joined.rejects[i].line, whole.rejects[i].line);
    EXPECT_EQ(joined.rejects[i].bytes, whole.rejects[i].bytes);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_EQ(bytes[i], testing::read_file(options.files->path(i)).size()) << "of file " << i;
  }
}

class CorpusUnits : public ::testing::TestWithParam<std::string> {};

TEST_P(CorpusUnits, AreTogetherTheCorpus) {
  for (unsigned seed = 0; seed < 25; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const TempFolder folder;
    CorpusOptions options;
    for (std::uint64_t i = 0; i < 1 + below(random, 5); ++i) {
      const std::string name = std::to_string(i) + "." + GetParam();
      const bool packed = below(random, 5) == 0;
      const std::string bytes = lines_of(random, GetParam());
      options.inputs.push_back(packed ? folder.write(name + ".gz", testing::gzip(bytes))
                                      : folder.write(name, bytes));
    }
    options.format = GetParam() == "txt" ? "text" : GetParam();
    options.quotes = false;
    options.id_from = IdFrom::offset;
    options.buffer_bytes = 1 + below(random, 200);
    options.files = std::make_shared<const InputList>(options);
    const Corpus whole = read_corpus(options);
    for (std::uint64_t size = 8; size <= 4096; size *= 2) {
      SCOPED_TRACE(size);
      const CorpusCut cut = cut_corpus(options, size);
      expect_same(options, whole, cut);
      // Several of them in one go, in an order of their own.
      std::vector<CorpusUnit> some = cut.units;
      std::shuffle(some.begin(), some.end(), random);
      const UnitsRead read = read_units(options, some);
      ASSERT_EQ(read.ends.size(), some.size());
      for (std::size_t i = 0; i < some.size(); ++i) EXPECT_EQ(read.ends[i].index, i);
      EXPECT_EQ(read.corpus.rows.size(), whole.rows.size());
      EXPECT_EQ(read.corpus.rejects.size(), whole.rejects.size());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, CorpusUnits, ::testing::Values("jsonl", "txt", "csv"));

CorpusOptions options_of(const std::vector<std::string>& inputs) {
  CorpusOptions options;
  options.inputs = inputs;
  options.files = std::make_shared<const InputList>(options);
  return options;
}

TEST(CorpusUnitsOf, RowGroups) {
  // Written by pyarrow, with several row groups.
  CorpusOptions options =
      options_of({EMBEDTOOL_SOURCE_DIR "/tests/unit/data/columns/plain-v1.parquet"});
  const Corpus whole = read_corpus(options);
  ASSERT_GT(whole.rows.size(), 10U);
  std::size_t most = 0;
  for (std::uint64_t size = 64; size <= 16384; size *= 2) {
    const CorpusCut cut = cut_corpus(options, size);
    Corpus joined;
    std::size_t filled = 0;
    std::uint64_t bytes = 0;
    for (const CorpusUnit& unit : cut.units) {
      const UnitsRead part = read_units(options, {unit});
      filled += part.corpus.rows.empty() ? 0 : 1;
      bytes += part.ends.at(0).files.at(0).bytes;
      for (testing::Row row : part.corpus.rows) {
        row.ordinal = joined.rows.size();
        joined.rows.push_back(std::move(row));
      }
    }
    EXPECT_EQ(joined.rows, whole.rows) << size;
    EXPECT_EQ(bytes, options.files->total_bytes());
    most = std::max(most, filled);
  }
  EXPECT_GT(most, 1U) << "the file has one row group: nothing was tried";
}

TEST(CorpusUnitsOf, WhatCannotBeCut) {
  const TempFolder folder;
  std::string lines;
  std::string table = "id,text\n";
  for (int i = 0; i < 100; ++i) {
    lines += "{\"id\":" + std::to_string(i) + ",\"text\":\"abc\"}\n";
    table += std::to_string(i) + ",\"x\"\n";
  }
  const CorpusCut cut = cut_corpus(
      options_of({folder.write("a.jsonl", lines), folder.write("b.jsonl.gz", testing::gzip(lines)),
                  folder.write("c.csv", table),
                  folder.write("d.json", "[" + std::string(200, ' ') + "]")}),
      64);
  ASSERT_EQ(cut.uncut.size(), 3U);
  EXPECT_EQ(cut.uncut[0].why, "is compressed");
  EXPECT_THAT(cut.uncut[0].remedy, HasSubstr("zstd -dc"));
  EXPECT_EQ(cut.uncut[1].why, "has fields in quotes");
  EXPECT_THAT(cut.uncut[1].remedy, HasSubstr("--no-quotes"));
  EXPECT_EQ(cut.uncut[2].why, "is json");
  std::uint64_t start = 0;
  for (const CorpusUnit& unit : cut.units) {
    EXPECT_EQ(unit.start, start);
    start += unit.bytes();
  }
}

TEST(CorpusUnitsOf, SmallFilesComeTogether) {
  const TempFolder folder;
  std::vector<std::string> inputs;
  for (int i = 0; i < 10; ++i) {
    inputs.push_back(folder.write(std::to_string(i) + ".txt", std::string(30, 'a')));
  }
  const CorpusCut cut = cut_corpus(options_of(inputs), 64);
  ASSERT_EQ(cut.units.size(), 5U);
  for (const CorpusUnit& unit : cut.units) EXPECT_EQ(unit.files, 2U);
}

TEST(CorpusUnitsOf, RecordsWithoutIdsAreRefused) {
  const TempFolder folder;
  CorpusOptions options = options_of({folder.write("a.jsonl", "{\"text\":\"a\"}\n")});
  const CorpusCut cut = cut_corpus(options, 64);
  try {
    read_units(options, cut.units);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.what(), HasSubstr("--id-from offset"));
  }
}

TEST(CorpusUnitsOf, DefaultSize) {
  EXPECT_EQ(default_unit_bytes(0), std::uint64_t{1} << 20U);
  EXPECT_EQ(default_unit_bytes(std::uint64_t{3} << 30U), std::uint64_t{4} << 20U);
  EXPECT_EQ(default_unit_bytes(std::uint64_t{1} << 50U), std::uint64_t{64} << 20U);
}

}  // namespace
}  // namespace embedtool
