// A good corpus in every layout, encoding, line ending and container, and damaged: 400 mutations by
// a seeded generator. Each is read right, refused by name, or its losses are counted; no row comes
// out that nobody meant.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "core/base/error.hpp"
#include "tests/support/corpus_testing.hpp"
#include "tests/support/packing.hpp"

namespace embedtool {
namespace {

using testing::Corpus;
using ::testing::HasSubstr;
using testing::RejectRow;
using testing::Row;
using testing::TempFolder;

struct Sample {
  std::string id;
  std::string text;
};

const std::vector<Sample>& good_corpus() {
  static const std::vector<Sample> corpus = [] {
    std::vector<Sample> all;
    const std::vector<std::string> words{
        "red boat",   "das Haus am See", "a \"quoted\" word", "ein Stück Käse, bitte",
        "дом у моря", "三つの橋",        "one; two | three",  "\xf0\x9f\x98\x80 smile",
        "plain"};
    for (std::size_t i = 0; i < 40; ++i) {
      all.push_back({fmt::format("d{}", i), fmt::format("{} {}", words[i % words.size()], i)});
    }
    return all;
  }();
  return corpus;
}

std::string json_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string json_object(const Sample& sample, bool pretty) {
  const std::string id = json_string(sample.id);
  const std::string text = json_string(sample.text);
  return pretty ? fmt::format("{{\n    \"id\": {},\n    \"text\": {}\n  }}", id, text)
                : fmt::format("{{\"id\":{},\"text\":{}}}", id, text);
}

std::string csv_cell(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

enum class Layout {
  lines,
  array,
  array_lines,
  pretty,
  concatenated,
  comma,
  semicolon,
  tab,
  bar,
  sep,
  text
};
constexpr std::size_t kLayouts = 11;

bool is_table(Layout layout) {
  return layout >= Layout::comma && layout <= Layout::sep;
}

std::string joined(const std::string& first, const std::string& between, const std::string& last,
                   bool pretty) {
  std::string out = first;
  for (const Sample& sample : good_corpus()) {
    if (out.size() > first.size()) out += between;
    out += json_object(sample, pretty);
  }
  return out + last;
}

std::string table(char delimiter, const std::string& first) {
  std::string out = first + fmt::format("id{}text\n", delimiter);
  for (const Sample& sample : good_corpus()) {
    out += sample.id + delimiter + csv_cell(sample.text) + "\n";
  }
  return out;
}

std::string lay_out(Layout layout) {
  switch (layout) {
    case Layout::lines:
      return joined("", "\n", "\n", false);
    case Layout::array:
      return joined("[", ",", "]", false);
    case Layout::array_lines:
      return joined("[", ",\n", "]\n", false);
    case Layout::pretty:
      return joined("[\n  ", ",\n  ", "\n]\n", true);
    case Layout::concatenated:
      return joined("", "", "\n", false);
    case Layout::comma:
      return table(',', "");
    case Layout::semicolon:
      return table(';', "");
    case Layout::tab:
      return table('\t', "");
    case Layout::bar:
      return table('|', "");
    case Layout::sep:
      return table(';', "sep=;\n");
    case Layout::text:
      break;
  }
  std::string out;
  for (const Sample& sample : good_corpus()) out += sample.text + "\n";
  return out;
}

std::vector<std::string> names_of(Layout layout) {
  if (layout == Layout::text) return {"a.txt", "a", "a.log", "a.dat"};
  if (is_table(layout)) return {"a.csv", "a.tsv", "a", "a.csv.bgz", "a.data", "a.txt"};
  return {"a.jsonl", "a.json", "a.ndjson", "a", "a.data", "a.csv", "a.txt"};
}

/// Code points of valid UTF-8.
std::u32string code_points(std::string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    std::uint32_t code = size == 1 ? lead : lead & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) {
      code = code << 6U | (static_cast<unsigned char>(text[at + i]) & 0x3fU);
    }
    out += static_cast<char32_t>(code);
    at += size;
  }
  return out;
}

std::string in_units(const std::u32string& codes, unsigned bytes, bool big) {
  std::string out;
  const auto put = [&](std::uint32_t unit) {
    for (unsigned i = 0; i < bytes; ++i) {
      const unsigned shift = 8 * (big ? bytes - 1 - i : i);
      out += static_cast<char>(unit >> shift & 0xffU);
    }
  };
  for (const char32_t code : codes) {
    if (bytes == 4 || code < 0x10000) {
      put(code);
    } else {
      put(0xd800U + ((code - 0x10000U) >> 10U));
      put(0xdc00U + ((code - 0x10000U) & 0x3ffU));
    }
  }
  return out;
}

constexpr std::size_t kEncodings = 10;
/// The name, and the bytes; the last encoding loses what it has no letters for.
std::pair<std::string, std::string> encode_as(std::size_t encoding, const std::string& text) {
  const std::u32string codes = code_points(text);
  const std::u32string marked = U'\xfeff' + codes;
  switch (encoding) {
    case 0:
      return {"UTF-8", text};
    case 1:
      return {"UTF-8 with BOM", "\xef\xbb\xbf" + text};
    case 2:
      return {"UTF-16LE with BOM", in_units(marked, 2, false)};
    case 3:
      return {"UTF-16BE with BOM", in_units(marked, 2, true)};
    case 4:
      return {"UTF-16LE", in_units(codes, 2, false)};
    case 5:
      return {"UTF-16BE", in_units(codes, 2, true)};
    case 6:
      return {"UTF-32LE with BOM", in_units(marked, 4, false)};
    case 7:
      return {"UTF-32BE", in_units(codes, 4, true)};
    case 8:
      return {"UTF-32LE", in_units(codes, 4, false)};
    default:
      break;
  }
  std::string latin;
  for (const char32_t code : codes) latin += code < 0x100 ? static_cast<char>(code) : '\xbf';
  return {"Latin-1", latin};
}

std::string with_line_ends(const std::string& text, const std::string& end) {
  std::string out;
  for (const char c : text) out += c == '\n' ? end : std::string(1, c);
  return out;
}

constexpr std::size_t kContainers = 10;
std::pair<std::string, std::string> pack(std::size_t container, const std::string& bytes) {
  switch (container) {
    case 1:
      return {"gzip", testing::gzip(bytes)};
    case 2:
      return {"zstd", testing::zstd(bytes)};
    case 3:
      return {"bzip2", testing::bzip2(bytes)};
    case 4:
      return {"xz", testing::xz(bytes)};
    case 5:
      return {"lz4", testing::lz4(bytes)};
    case 6:
      return {"gzip twice", testing::gzip(testing::gzip(bytes))};
    case 7:
      return {"two xz streams", testing::xz(bytes.substr(0, bytes.size() / 2)) +
                                    testing::xz(bytes.substr(bytes.size() / 2))};
    case 8:
      return {"zip", "PK\x03\x04\x14" + std::string(1, '\0') + bytes};
    case 9: {
      std::string tar(512, '\0');
      tar.replace(0, 7, "a.jsonl");
      tar.replace(257, 5, "ustar");
      return {"tar", tar + bytes};
    }
    default:
      return {"plain", bytes};
  }
}

struct Mutation {
  std::string what;  ///< for messages
  std::string name;
  std::string bytes;
  Layout layout = Layout::lines;
  bool lossless = true;    ///< nothing is damaged: every record must come out
  bool refusable = false;  ///< may also be refused as a whole
  std::size_t copies = 1;  ///< of the corpus
  bool cut = false;        ///< its last record may be shortened
};

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  Mutation next() {
    Mutation m;
    m.layout = static_cast<Layout>(pick(kLayouts));
    std::string text = lay_out(m.layout);
    const std::vector<std::string> names = names_of(m.layout);
    m.name = names[pick(names.size())];
    m.what = fmt::format("layout {} as {}", static_cast<int>(m.layout), m.name);
    join_or_add_noise(text, m);
    const std::vector<std::string> ends{"\n", "\r\n", "\r"};
    const std::size_t end = pick(ends.size());
    m.what += end == 0 ? "" : end == 1 ? ", CRLF" : ", CR";
    text = with_line_ends(text, ends[end]);
    const auto [encoding, encoded] = encode_as(pick(kEncodings), text);
    m.what += ", " + encoding;
    if (encoding == "Latin-1") m.lossless = false;
    std::string bytes = encoded;
    damage(bytes, m);
    const std::size_t container = pick(2) == 0 ? 0 : pick(kContainers);
    const auto [packing, packed] = pack(container, bytes);
    m.what += ", " + packing;
    if (container == 6 || container >= 8) {
      m.lossless = false;
      m.refusable = true;
    }
    m.bytes = packed;
    if (container > 0 && pick(5) == 0) {
      m.what += ", cut after packing";
      m.lossless = false;
      m.refusable = true;
      m.bytes.resize(1 + pick(m.bytes.size() - 1));
    }
    return m;
  }

 private:
  std::size_t pick(std::size_t below) { return random_() % below; }

  void join_or_add_noise(std::string& text, Mutation& m) {
    const std::size_t way = pick(8);
    if (way == 0) {
      m.what += ", joined by cat";
      m.copies = 2;
      if (is_table(m.layout)) m.lossless = false;  // the second header is counted
      text += text;
    } else if (way == 1) {
      m.what += ", joined by cat with a mark";
      m.copies = 2;
      if (is_table(m.layout)) m.lossless = false;
      text += "\xef\xbb\xbf" + text;
    } else if (way == 2 && m.layout == Layout::lines) {
      m.what += ", noise first";
      m.lossless = false;
      text = "Warning: something\n" + text;
    }
  }

  void damage(std::string& bytes, Mutation& m) {
    const std::size_t way = pick(8);
    if (way == 0) {
      m.what += ", cut";
      m.lossless = false;
      m.refusable = true;
      m.cut = true;
      bytes.resize(1 + pick(bytes.size() - 1));
    } else if (way == 1) {
      m.what += ", padded with NUL";
      m.lossless = false;
      m.refusable = true;
      bytes += std::string(1 + pick(600), '\0');
    } else if (way == 2) {
      m.what += ", a bit flipped";
      m.lossless = false;
      m.refusable = true;
      m.cut = true;  // a letter may have changed
      bytes[pick(bytes.size())] ^= static_cast<char>(1U << pick(8));
    }
  }

  std::mt19937_64 random_;
};

struct Outcome {
  Corpus corpus;
  std::string error;
  std::vector<std::string> warnings;
};

Outcome read(const Mutation& m) {
  Outcome outcome;
  const TempFolder folder;
  CorpusOptions options;
  options.inputs = {folder.write(m.name, m.bytes)};
  options.warn = [&](const std::string& text) { outcome.warnings.push_back(text); };
  try {
    outcome.corpus = testing::read_corpus(options);
  } catch (const Error& error) {
    outcome.error = error.what();
    EXPECT_THAT(outcome.error, HasSubstr(m.name)) << m.what;
  }
  return outcome;
}

/// Rows that are no record of the good corpus.
std::vector<std::string> unmeant(const Mutation& m, const Corpus& corpus) {
  std::multiset<std::string> texts;
  std::map<std::string, std::string> by_id;
  for (const Sample& sample : good_corpus()) {
    by_id[sample.id] = sample.text;
    for (std::size_t i = 0; i < m.copies; ++i) texts.insert(sample.text);
  }
  std::vector<std::string> odd;
  for (const Row& row : corpus.rows) {
    const bool own_id = m.layout != Layout::text;
    const auto known = by_id.find(row.id);
    const bool right =
        own_id ? known != by_id.end() && known->second == row.text : texts.count(row.text) > 0;
    if (!right) odd.push_back(row.id + ": " + row.text);
  }
  return odd;
}

TEST(InputMutations, AreReadRightRefusedOrCounted) {
  Mutator mutator(20261128);
  std::size_t read_right = 0;
  std::size_t refused = 0;
  std::size_t counted = 0;
  for (int i = 0; i < 400; ++i) {
    const Mutation m = mutator.next();
    const Outcome outcome = read(m);
    const std::string what = fmt::format("mutation {}: {}", i, m.what);
    if (!outcome.error.empty()) {
      EXPECT_TRUE(m.refusable) << what << ": " << outcome.error;
      ++refused;
      continue;
    }
    const Corpus& corpus = outcome.corpus;
    const std::vector<std::string> odd = unmeant(m, corpus);
    // What is cut off or changed inside a text cannot be known; it is one record.
    EXPECT_LE(odd.size(), m.cut ? 1U : 0U) << what << ": " << (odd.empty() ? "" : odd.front());
    if (m.lossless) {
      EXPECT_EQ(corpus.rows.size(), m.copies * good_corpus().size()) << what;
      EXPECT_TRUE(corpus.rejects.empty())
          << what << ": " << (corpus.rejects.empty() ? "" : corpus.rejects[0].reason);
      ++read_right;
    } else {
      const bool whole = corpus.rows.size() == m.copies * good_corpus().size();
      EXPECT_TRUE(whole || m.cut || !corpus.rejects.empty()) << what << ": losses are not counted";
      ++counted;
    }
  }
  // The generator reaches all three.
  EXPECT_GT(read_right, 100U);
  EXPECT_GT(refused, 20U);
  EXPECT_GT(counted, 50U);
}

}  // namespace
}  // namespace embedtool
