// Tokenizing up to a limit gives the beginning of what the whole text gives, whatever the limit,
// and costs what it keeps.
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "formats/tokenizer/tokenizer_files.hpp"
#include "tests/support/tokenizer_cases.hpp"

namespace embedtool {
namespace {

using testing::encode;
using testing::own_data;
using testing::shared_data;
using testing::TinyJson;

struct Named {
  std::string name;
  std::unique_ptr<Tokenizer> tokenizer;
};

// The stages of Llama's, Gemma's and Qwen's files around small models.
std::vector<std::pair<std::string, std::string>> made_pipelines() {
  const std::string characters = R"("▁":1,"h":2,"e":3,"l":4,"o":5,"a":6,"b":7,",":8,".":9)";
  const std::string bpe =
      R"("model":{"type":"BPE","unk_token":"?","fuse_unk":true,"vocab":{"?":0,)" + characters +
      R"(,"▁h":10,"ll":11,"▁▁":12},"merges":["▁ h","l l","▁ ▁"]}})";
  const std::string replace = R"({"type":"Replace","pattern":{"String":" "},"content":"▁"})";
  std::string bytes;
  for (int c = 33; c < 127; ++c) {
    if (c != '"' && c != '\\') bytes += fmt::format(R"("{}":{},)", static_cast<char>(c), c);
  }
  const std::string qwen =
      R"({"normalizer":{"type":"NFC"},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":)"
      R"("Split","pattern":{"Regex":"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|)"
      R"(\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},)"
      R"("behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,)"
      R"("use_regex":false}]},"model":{"type":"BPE","unk_token":"U","vocab":{)" +
      bytes + R"("Ġ":200,"Ġh":201,"ll":202},"merges":["Ġ h","l l"]}})";
  return {
      {"like Gemma", R"({"normalizer":)" + replace +
                         R"(,"pre_tokenizer":{"type":"Split","pattern":{"String":" "},)"
                         R"("behavior":"MergedWithPrevious","invert":false},)" +
                         bpe},
      {"like Llama", R"({"normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend",)"
                     R"("prepend":"▁"},)" +
                         replace + "]}," + bpe},
      {"metaspace once", R"({"normalizer":{"type":"Strip"},"pre_tokenizer":{"type":"Metaspace",)"
                         R"("replacement":"▁","prepend_scheme":"first","split":false},)" +
                             bpe},
      {"like Qwen", qwen}};
}

std::vector<Named> all_tokenizers() {
  std::vector<Named> all;
  all.push_back({"tiny WordPiece", TinyJson().make()});
  TinyJson stripping;
  stripping.added_tokens = R"([{"id":0,"content":"[UNK]"},{"id":1,"content":"[CLS]","lstrip":true},
    {"id":24,"content":"b a","rstrip":true},{"id":25,"content":"hello,","normalized":true},
    {"id":26,"content":"l","single_word":true,"lstrip":true}])";
  all.push_back({"tiny WordPiece, added tokens", stripping.make()});
  for (const char* file : {"tiny_unigram.model", "tiny_bpe.model"}) {
    all.push_back({file, load_tokenizer_from_path(own_data(file).string())});
  }
  for (const auto& [name, json] : made_pipelines()) {
    all.push_back({name, make_tokenizer(parse_tokenizer_json(json, name), name)});
  }
  const auto data = shared_data();
  if (data.empty()) return all;
  for (const char* name :
       {"all-mpnet-base-v2", "bert-base-multilingual-cased", "t5-small", "xlnet", "barthez",
        "roberta-base", "modernbert-base", "t5-small/spiece.model",
        "sentencepiece-test/test_ja_model.model", "bpemb/en.wiki.bpe.vs10000.model",
        "../weights/model2vec-test-model-vocab-quantized"}) {
    all.push_back({name, load_tokenizer_from_path((data / "tokenizers" / name).string())});
  }
  return all;
}

// Texts of a few kilobytes, so that they are read in many pieces.
std::string random_text(std::mt19937& random, std::size_t words) {
  static const char* kWords[] = {
      "hello",  "unaffable", "the baker", "日本語",  "e\u0301tude",  "a\u200b",     "[CLS]", "b a",
      "hello,", "<mask>",    "ﬁn",        "ΑΣ",      "\u0f73\u0f71", "q",           "...",   "ไทย",
      "l",      "¨",         "\u3000",    "x\u00ad", "word.",        "\u1100\u1161"};
  static const char* kGaps[] = {" ", " ", " ", "", "  ", "\n", "\t ", "\u00a0", ",", "-"};
  std::string text;
  for (std::size_t i = 0; i < words; ++i) {
    text += kWords[random() % std::size(kWords)];
    text += kGaps[random() % std::size(kGaps)];
  }
  return text;
}

TEST(TokenizerPrefix, EveryLimitGivesTheBeginningOfTheWhole) {
  std::mt19937 random(7);
  for (const Named& named : all_tokenizers()) {
    const auto scratch = named.tokenizer->make_scratch();
    for (int round = 0; round < 2; ++round) {
      const std::string text = random_text(random, 400);
      const auto whole = encode(*named.tokenizer, text, {0, false}).ids;
      const auto around = encode(*named.tokenizer, "", {}).ids;
      ASSERT_GT(whole.size(), 300U);
      for (std::size_t limit = 1; limit <= whole.size() + around.size() + 1;
           limit += limit < 40 ? 1 : 1 + random() % 37) {
        std::vector<TokenId> ids;
        const auto plain = named.tokenizer->encode(text, {limit, false}, *scratch, ids);
        const std::vector<TokenId> want(
            whole.begin(),
            whole.begin() + static_cast<std::ptrdiff_t>(std::min(limit, whole.size())));
        ASSERT_EQ(ids, want) << named.name << " limit " << limit;
        ASSERT_EQ(plain.truncated, limit < whole.size()) << named.name << " limit " << limit;

        ids.clear();
        const auto special = named.tokenizer->encode(text, {limit, true}, *scratch, ids);
        const std::size_t room = limit > around.size() ? limit - around.size() : 0;
        ASSERT_EQ(special.n_tokens, around.size() + std::min(room, whole.size())) << named.name;
        ASSERT_EQ(special.truncated, room < whole.size()) << named.name;
      }
    }
  }
}

TEST(TokenizerPrefix, AppendsBehindWhatIsThere) {
  for (const Named& named : all_tokenizers()) {
    std::vector<TokenId> ids{-7, -8};
    const auto scratch = named.tokenizer->make_scratch();
    const auto result = named.tokenizer->encode("hello baker", {2, true}, *scratch, ids);
    ASSERT_EQ(ids.size(), 2 + result.n_tokens);
    EXPECT_EQ(ids[0], -7);
    EXPECT_EQ(ids[1], -8);
  }
}

// Time is no measure on a busy machine, so the bound is wide: the whole text takes thousands of
// times as long as the part that is kept.
TEST(TokenizerPrefix, TenMegabytesCostWhatIsKept) {
  std::mt19937 random(11);
  std::string large = random_text(random, 400);
  while (large.size() < (std::size_t{10} << 20)) large += large;
  for (const Named& named : all_tokenizers()) {
    const auto scratch = named.tokenizer->make_scratch();
    std::vector<TokenId> ids;
    const auto start = std::chrono::steady_clock::now();
    const auto result = named.tokenizer->encode(large, {64, true}, *scratch, ids);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_TRUE(result.truncated) << named.name;
    EXPECT_LT(took.count(), 0.05) << named.name;
  }
}

TEST(TokenizerPrefix, TextWithoutACutIsStillRead) {
  const std::string endless((1 << 20) + 100000, 'a');
  for (const char* file : {"tiny_unigram.model", "tiny_bpe.model"}) {
    const auto tokenizer = load_tokenizer_from_path(own_data(file).string());
    EXPECT_EQ(encode(*tokenizer, endless, {16, false}).ids.size(), 16U) << file;
  }
  const auto words = TinyJson().make();
  EXPECT_EQ(encode(*words, endless, {16, false}).ids, std::vector<TokenId>{0});
}

}  // namespace
}  // namespace embedtool
