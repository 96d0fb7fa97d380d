// Every corpus of the development tree reads without a reject, record for record as another JSON
// parser reads it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "formats/io/bytes.hpp"
#include "formats/io/bytes_window.hpp"
#include "tests/support/corpus_testing.hpp"

namespace embedtool {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::Corpus;
using testing::read_corpus;
using testing::Row;

fs::path shared_folder() {
  if (const char* given = std::getenv("EMBEDTOOL_SHARED")) return given;
  return fs::path(EMBEDTOOL_SOURCE_DIR) / ".." / "shared";
}

std::vector<fs::path> jsonl_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().filename().string().find(".jsonl") != std::string::npos) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The lines of a file as another parser sees them.
std::vector<json> parse_lines(const fs::path& file) {
  ByteCounters counters;
  ByteStream stream(file.string(), counters);
  ByteWindow window(stream, 1 << 20, 1 << 26);
  LineReader lines(window, 1 << 25);
  std::vector<json> all;
  std::string_view line;
  while (lines.next(Wait::yes, line) == LineReader::Status::line) {
    if (line.find_first_not_of(" \r") != std::string_view::npos) all.push_back(json::parse(line));
  }
  return all;
}

std::string joined(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  std::string all;
  for (const json& part : value) {
    const std::string text = part.get<std::string>();
    if (!text.empty()) all += (all.empty() ? "" : " ") + text;
  }
  return all;
}

class SharedCorpora : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(shared_folder() / "data")) {
      GTEST_SKIP() << "no " << shared_folder() << "; set EMBEDTOOL_SHARED";
    }
  }
};

TEST_F(SharedCorpora, ReadWholeAndInOrder) {
  std::vector<fs::path> files = jsonl_files(shared_folder() / "data/ir");
  for (const fs::path& file : jsonl_files(shared_folder() / "data/corpora")) {
    if (file.parent_path().filename() != "feeds_raw") files.push_back(file);
  }
  ASSERT_GE(files.size(), 20U);
  for (const fs::path& file : files) {
    CorpusOptions options;
    options.inputs = {file.string()};
    const Corpus corpus = read_corpus(options, {1000, 1 << 24});
    ASSERT_EQ(corpus.rejects.size(), 0U) << file << ": " << corpus.rejects[0].reason;
    const std::vector<json> expected = parse_lines(file);
    ASSERT_EQ(corpus.rows.size(), expected.size()) << file;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const json& record = expected[i];
      const bool beir = record.contains("_id");
      std::string text = record.at("text").get<std::string>();
      const std::string title = beir ? record.value("title", "") : "";
      if (!title.empty()) text = title + (text.empty() ? "" : " " + text);
      ASSERT_EQ(corpus.rows[i].text, text) << file << " record " << i;
      ASSERT_EQ(corpus.rows[i].id, record.at(beir ? "_id" : "id").get<std::string>());
    }
  }
}

/// Feeds nest their text, each elsewhere.
TEST_F(SharedCorpora, RawFeedsReadWithTextFieldsNamed) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> feeds{
      {"rag-blueprint__dataset__docs.jsonl", {"fields.text"}},
      {"examples__mcp-server-app__dataset__candidates.jsonl",
       {"/fields/name", "fields.candidate_summary"}},
      {"examples__mcp-server-app__dataset__jobs.jsonl", {"fields.title", "fields.description"}},
      {"examples__part-purchases-demo__ext__feed.jsonl",
       {"fields.item", "fields.attributes.delivery_method"}},
      {"multi-vector-indexing__ext__articles.jsonl.zst", {"fields.title", "fields.paragraphs"}}};
  for (const auto& [name, fields] : feeds) {
    const fs::path file = shared_folder() / "data/corpora/feeds_raw" / name;
    CorpusOptions options;
    options.inputs = {file.string()};
    options.text_fields = fields;
    options.id_field = "put";
    options.keep = {"fields"};
    const Corpus corpus = read_corpus(options);
    ASSERT_EQ(corpus.rejects.size(), 0U) << file << ": " << corpus.rejects[0].reason;
    const std::vector<json> expected = parse_lines(file);
    ASSERT_EQ(corpus.rows.size(), expected.size()) << file;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      std::string text;
      for (std::string field : fields) {
        if (field[0] != '/') {
          std::replace(field.begin(), field.end(), '.', '/');
          field.insert(0, 1, '/');
        }
        const std::string part = joined(expected[i].at(json::json_pointer(field)));
        if (!part.empty()) text += (text.empty() ? "" : " ") + part;
      }
      ASSERT_EQ(corpus.rows[i].text, text);
      ASSERT_EQ(corpus.rows[i].id, expected[i].at("put").get<std::string>());
      ASSERT_EQ(json::parse(corpus.rows[i].kept.at(0).value()), expected[i].at("fields"));
    }
  }
}

}  // namespace
}  // namespace embedtool
