// Records survive every way of writing them, whatever the sizes of buffers and blocks; and a line
// is accepted exactly when another JSON parser accepts it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "tests/support/corpus_testing.hpp"

namespace embedtool {
namespace {

using nlohmann::json;
using testing::Corpus;
using testing::read_corpus;
using testing::Row;
using testing::TempFolder;

/// A reproducible source of odd strings.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : engine_(seed) {}

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(engine_);
  }

  /// Text out of pieces that parsers trip over; valid UTF-8.
  std::string text(std::size_t most) {
    static const std::vector<std::string> pieces{"a",
                                                 "word ",
                                                 "\"",
                                                 "\"\"",
                                                 "\\",
                                                 "\n",
                                                 "\r\n",
                                                 "\t",
                                                 ",",
                                                 ";",
                                                 "{",
                                                 "}",
                                                 "[",
                                                 "]",
                                                 ":",
                                                 "\\u0041",
                                                 "\xc3\xa9",
                                                 "\xe4\xb8\xad\xe6\x96\x87",
                                                 "\xf0\x9f\x98\x80",
                                                 "\xef\xbb\xbf",
                                                 std::string(1, '\0'),
                                                 "\x7f",
                                                 "\xef\xbf\xbf",
                                                 "null",
                                                 "0123456789012345678901234567890"};
    std::string out;
    for (std::size_t n = below(most + 1); n > 0; --n) out += pieces[below(pieces.size())];
    return out;
  }

 private:
  std::mt19937_64 engine_;
};

struct Sample {
  std::string id;
  std::string text;
  std::string kept;
};

std::vector<Sample> samples(Chance& chance, std::size_t count) {
  std::vector<Sample> all;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back({"id" + std::to_string(i) + chance.text(2), chance.text(30), chance.text(5)});
  }
  return all;
}

void expect_same(const Corpus& corpus, const std::vector<Sample>& expected) {
  ASSERT_EQ(corpus.rejects.size(), 0U) << corpus.rejects[0].reason;
  ASSERT_EQ(corpus.rows.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const Row& row = corpus.rows[i];
    ASSERT_EQ(row.id, expected[i].id);
    ASSERT_EQ(row.text, expected[i].text);
    ASSERT_EQ(row.kept.at(0), expected[i].kept);
    ASSERT_EQ(row.ordinal, i);
  }
}

CorpusOptions options_for(const std::string& path) {
  CorpusOptions options;
  options.inputs = {path};
  options.keep = {"kept"};
  return options;
}

TEST(CorpusRoundTrip, JsonlByAnotherWriter) {
  const TempFolder folder;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Chance chance(seed);
    const auto expected = samples(chance, 50);
    std::string bytes;
    for (const Sample& s : expected) {
      json record{{"text", s.text}, {"kept", s.kept}, {"id", s.id}, {"n", seed}, {"x", {1, {}}}};
      bytes += record.dump(-1, ' ', chance.below(2) == 0);
      bytes += chance.below(2) == 0 ? "\n" : "\r\n";
      if (chance.below(5) == 0) bytes += " \n";
    }
    CorpusOptions options = options_for(folder.write("a.jsonl", bytes));
    options.buffer_bytes = 1 + chance.below(300);
    expect_same(read_corpus(options, {1 + chance.below(60), 1 + chance.below(5000)}), expected);
  }
}

/// RFC 4180, quoting where it must be and sometimes where it need not be.
std::string csv_cell(Chance& chance, const std::string& content, char delimiter) {
  const bool must = content.find_first_of(std::string("\"\r\n") + delimiter) != std::string::npos;
  if (!must && chance.below(3) > 0) return content;
  std::string out = "\"";
  for (const char c : content) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

TEST(CorpusRoundTrip, CsvAndTsv) {
  const TempFolder folder;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Chance chance(seed);
    const char delimiter = seed % 2 == 0 ? ',' : '\t';
    const std::string end = seed % 3 == 0 ? "\r\n" : "\n";
    const auto expected = samples(chance, 50);
    // A byte order mark in front of a record is none of its first column's, so that is the id.
    std::string bytes = std::string("id") + delimiter + "kept" + delimiter + "text" + end;
    for (const Sample& s : expected) {
      bytes += csv_cell(chance, s.id, delimiter) + delimiter + csv_cell(chance, s.kept, delimiter) +
               delimiter + csv_cell(chance, s.text, delimiter) + end;
    }
    CorpusOptions options = options_for(folder.write(seed % 2 == 0 ? "a.csv" : "a.tsv", bytes));
    options.buffer_bytes = 1 + chance.below(300);
    expect_same(read_corpus(options, {1 + chance.below(60), 1 + chance.below(5000)}), expected);
  }
}

TEST(CorpusRoundTrip, EveryBufferSizeGivesTheSameRowsAndRejects) {
  const TempFolder folder;
  const std::vector<std::pair<std::string, std::string>> files{
      {"a.jsonl",
       "\xef\xbb\xbf{\"text\":\"\xe4\xb8\xad\\n\"}\r\n\nbad\n{\"text\":\"\\ud83d\\ude00\"}"
       "\n{\"text\":\"" +
           std::string(90, 'x') + "\"}\n{\"text\":5}\n{\"text\":\"end\"}"},
      {"a.txt", "one\r\n\n\xe4\xb8\xad\xe6\x96\x87\n\xff\n" + std::string(90, 'x') + "\nend"},
      {"a.csv", "\xef\xbb\xbfid,text\r\n1,\"a\"\"b\r\n,c\"\r\n\n2,x,y\n3,\"open\"x\n4," +
                    std::string(90, 'x') + "\n5,\"end\""}};
  for (const auto& [name, bytes] : files) {
    CorpusOptions options;
    options.inputs = {folder.write(name, bytes)};
    options.max_line_bytes = 64;
    const Corpus whole = read_corpus(options);
    EXPECT_GE(whole.rows.size(), 2U);
    EXPECT_GE(whole.rejects.size(), 2U);
    for (std::size_t buffer = 1; buffer <= bytes.size() + 1; ++buffer) {
      options.buffer_bytes = buffer;
      for (const std::size_t records : {1U, 3U, 100U}) {
        const Corpus split = read_corpus(options, {records, 1 << 20});
        ASSERT_EQ(split.rows, whole.rows) << name << ", buffer of " << buffer;
        ASSERT_EQ(split.rejects.size(), whole.rejects.size());
        for (std::size_t i = 0; i < whole.rejects.size(); ++i) {
          ASSERT_EQ(split.rejects[i].line, whole.rejects[i].line);
          ASSERT_EQ(split.rejects[i].reason, whole.rejects[i].reason);
          ASSERT_EQ(split.rejects[i].bytes, whole.rejects[i].bytes);
        }
      }
    }
  }
}

/// Does nlohmann's parser take it? Nothing where that parser gives up at a number beyond a double,
/// which JSON allows.
std::optional<bool> is_json_object(const std::string& line) {
  try {
    return json::parse(line).is_object();
  } catch (const json::out_of_range&) {
    return std::nullopt;
  } catch (const json::exception&) {
    return false;
  }
}

TEST(CorpusRoundTrip, AcceptsExactlyWhatAnotherParserAccepts) {
  const TempFolder folder;
  const std::string start =
      R"({"id":"a","text":"t\u00e9\ud83d\ude00\n","x":[1,-2.5e3,{"k":null,"l":[]},true,false,"s"]})";
  const std::string alphabet = "{}[]\",:\\ \t0123456789.eE+-truefalsnd/b\x01\x80\xff";
  Chance chance(1);
  std::size_t good = 0;
  std::string bytes;
  std::vector<bool> expected;
  for (int round = 0; round < 60'000; ++round) {
    std::string line = start;
    for (std::size_t edits = 1 + chance.below(3); edits > 0; --edits) {
      const std::size_t at = chance.below(line.size());
      const char c = alphabet[chance.below(alphabet.size())];
      switch (chance.below(3)) {
        case 0:
          line[at] = c;
          break;
        case 1:
          line.insert(at, 1, c);
          break;
        default:
          line.erase(at, 1);
      }
    }
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    const std::optional<bool> verdict = is_json_object(line);
    if (!verdict) continue;
    expected.push_back(*verdict);
    good += *verdict ? 1 : 0;
    bytes += line + "\n";
  }
  ASSERT_GT(good, 1000U);
  ASSERT_LT(good, expected.size() - 1000);
  CorpusOptions options;
  options.inputs = {folder.write("a.jsonl", bytes)};
  const Corpus corpus = read_corpus(options);
  std::vector<std::string> reasons(expected.size());
  for (const auto& reject : corpus.rejects) reasons[reject.line - 1] = reject.reason;
  std::istringstream lines(bytes);
  std::string line;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    std::getline(lines, line);
    const std::string& why = reasons[i];
    // A valid object may still lack a usable text or id: that is told apart by its reason.
    const bool accepted = why.empty() || why.starts_with("field '") || why.starts_with("no field");
    ASSERT_EQ(accepted, expected[i]) << line << "\n" << why;
  }
}

}  // namespace
}  // namespace embedtool
