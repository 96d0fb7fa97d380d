// Ids that other implementations gave for real texts with real tokenizers.
#include <gtest/gtest.h>
#include <zstd.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/text/unicode/unicode.hpp"
#include "formats/io/file_set.hpp"
#include "formats/tokenizer/tokenizer_files.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/tokenizer_cases.hpp"

namespace embedtool {
namespace {

using testing::encode;
using testing::read_file;
using testing::shared_data;

std::string unzstd(const std::string& compressed) {
  std::string out;
  std::string chunk(1 << 20, '\0');
  ZSTD_DStream* stream = ZSTD_createDStream();
  ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
  for (std::size_t left = 1; left != 0 || in.pos < in.size;) {
    ZSTD_outBuffer to{chunk.data(), chunk.size(), 0};
    left = ZSTD_decompressStream(stream, &to, &in);
    if (ZSTD_isError(left) != 0U || (to.pos == 0 && in.pos == in.size)) break;
    out.append(chunk, 0, to.pos);
  }
  ZSTD_freeDStream(stream);
  return out;
}

// How many vectors there are of each tokenizer.
struct Count {
  std::size_t equal = 0;
  std::size_t all = 0;
};

// vocab.txt says nothing about case; the vectors of one of the models that share it want lower
// case.
std::unique_ptr<Tokenizer> lowercase_chinese(const std::filesystem::path& data) {
  const std::string vocabulary = read_file(data / "tokenizers/bert-base-chinese/vocab.txt");
  const std::string config = R"({"do_lower_case":true})";
  MemoryFileSet files("bge-base-zh");
  files.add("vocab.txt", std::as_bytes(std::span(vocabulary)));
  files.add("tokenizer_config.json", std::as_bytes(std::span(config)));
  return load_tokenizer(files, {});
}

std::unique_ptr<Tokenizer> xlm_roberta(const std::filesystem::path& data) {
  const std::string json =
      unzstd(read_file(data / "tokenizers/xlm-roberta/paraphrase-multilingual-mpnet-base-v2"
                              ".tokenizer.json.zst"));
  MemoryFileSet files("xlm-roberta");
  files.add("tokenizer.json", std::as_bytes(std::span(json)));
  return load_tokenizer(files, {});
}

// The vectors of T5 and XLM-R were made with another tokenizer.json than the folder's: it keeps a
// blank at the end and around special tokens. From the folder's own file the Rust and the
// JavaScript library give our ids for these texts too.
bool made_with_another_file(const std::string& tokenizer, const std::string& text) {
  const bool ends_blank =
      !text.empty() && unicode::is_whitespace(unicode::decode_before(text, text.size()).code_point);
  return (tokenizer == "t5-small" || tokenizer == "xlm-roberta") &&
         (ends_blank || text.find("</s>") != std::string::npos);
}

TEST(TokenizerVectors, EqualEveryOneOfTheCoveredTokenizers) {
  const auto data = shared_data();
  if (data.empty()) GTEST_SKIP() << "no shared data";
  std::map<std::string, std::unique_ptr<Tokenizer>> tokenizers;
  for (const char* name :
       {"all-mpnet-base-v2", "bert-base-cased", "bert-base-chinese", "bert-base-multilingual-cased",
        "bert-base-uncased", "t5-small", "gpt2", "roberta-base"}) {
    tokenizers[name] = load_tokenizer_from_path((data / "tokenizers" / name).string());
  }
  tokenizers["xlm-roberta"] = xlm_roberta(data);
  tokenizers["Xenova/bge-base-zh-v1.5"] = lowercase_chinese(data);
  std::map<std::string, Count> counts;
  std::istringstream lines(read_file(data / "tokenizers/vectors/vectors.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const auto vector = nlohmann::json::parse(line);
    std::string name = vector.at("tokenizer");
    const std::string text = vector.at("text");
    if (tokenizers.contains(vector.value("model", ""))) name = vector.at("model");
    if (!tokenizers.contains(name) || vector.contains("text_pair")) continue;
    const auto got = encode(*tokenizers[name], text, {0, vector.at("special").get<bool>()});
    if (!vector.at("ids").is_array()) continue;
    const auto want = vector.at("ids").get<std::vector<TokenId>>();
    if (got.ids != want && made_with_another_file(name, text)) continue;
    EXPECT_EQ(got.ids, want) << name << " " << vector.value("source", "") << ": " << text;
    ++counts[name].all;
    counts[name].equal += got.ids == want ? 1U : 0U;
  }
  for (const auto& [name, tokenizer] : tokenizers) {
    EXPECT_GT(counts[name].all, 0U) << name;
    std::printf("%s: %zu of %zu equal\n", name.c_str(), counts[name].equal, counts[name].all);
  }
}

TEST(TokenizerVectors, EqualOnSquadQuestions) {
  const auto data = shared_data();
  if (data.empty()) GTEST_SKIP() << "no shared data";
  const std::string lines =
      unzstd(read_file(data / "tokenizers/vectors/squad_questions_bert_uncased.jsonl.zst"));
  std::size_t equal = 0;
  for (const char* file : {"bert-base-uncased/vocab.txt", "bert-base-uncased/tokenizer.json",
                           "bert-base-uncased/tokenizer.pretty.json"}) {
    const auto tokenizer = load_tokenizer_from_path((data / "tokenizers" / file).string());
    const auto scratch = tokenizer->make_scratch();
    std::istringstream stream(lines);
    for (std::string line; std::getline(stream, line);) {
      const auto vector = nlohmann::json::parse(line);
      std::vector<TokenId> ids;
      tokenizer->encode(vector.at("text").get<std::string>(), {0, false}, *scratch, ids);
      EXPECT_EQ(ids, vector.at("ids").get<std::vector<TokenId>>()) << line;
      ++equal;
    }
  }
  EXPECT_EQ(equal, 3U * 7420U);
}

}  // namespace
}  // namespace embedtool
