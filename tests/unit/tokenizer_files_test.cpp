#include "formats/tokenizer/tokenizer_files.hpp"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/base/error.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/tokenizer_cases.hpp"

namespace embedtool {
namespace {

using testing::encode;
using ::testing::HasSubstr;
using testing::own_data;
using testing::pieces;
using testing::read_file;
using testing::TinyJson;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::model);
    return error.what();
  }
  return "nothing was thrown";
}

std::string parse_error(const std::string& text) {
  return message_of([&] { make_tokenizer(parse_tokenizer_json(text, "t.json"), "t.json"); });
}

TEST(TokenizerJson, NamesWhatItDoesNotKnow) {
  const auto with = [](auto change) {
    TinyJson json;
    change(json);
    return parse_error(json.text());
  };
  EXPECT_THAT(with([](TinyJson& j) { j.normalizer = R"({"type":"Frobnicate"})"; }),
              HasSubstr("t.json: normalizer: 'Frobnicate' is not supported"));
  EXPECT_THAT(with([](TinyJson& j) { j.pre_tokenizer = R"({"type":"Cleave"})"; }),
              HasSubstr("pre_tokenizer: 'Cleave'"));
  EXPECT_THAT(with([](TinyJson& j) { j.post_processor = R"({"type":"Adorn"})"; }),
              HasSubstr("post_processor: 'Adorn'"));
  EXPECT_THAT(parse_error(R"({"model":{"type":"Guess","vocab":{}}})"), HasSubstr("'Guess'"));
  EXPECT_THAT(parse_error(R"({"model":{"type":"WordLevel","vocab":{}}})"),
              HasSubstr("'WordLevel'"));
}

TEST(TokenizerJson, RefusesWhatIsMalformed) {
  EXPECT_THAT(parse_error(""), HasSubstr("not JSON"));
  EXPECT_THAT(parse_error("[1"), HasSubstr("not JSON"));
  EXPECT_THAT(parse_error("[]"), HasSubstr("expected a JSON object"));
  EXPECT_THAT(parse_error("{}"), HasSubstr("no 'model'"));
  EXPECT_THAT(parse_error(std::string(100000, '[')), HasSubstr("not JSON"));
  TinyJson json;
  json.vocabulary = R"({"[UNK]":0,"a":4294967296})";
  EXPECT_THAT(parse_error(json.text()), HasSubstr("the id of 'a'"));
  json.vocabulary = R"({"[UNK]":0,"a":-1})";
  EXPECT_THAT(parse_error(json.text()), HasSubstr("the id of 'a'"));
  json.vocabulary = R"({"a":0})";
  EXPECT_THAT(parse_error(json.text()), HasSubstr("unknown token '[UNK]'"));
  json.vocabulary = "[]";
  EXPECT_THAT(parse_error(json.text()), HasSubstr("'vocab' is missing or of the wrong type"));
}

TEST(TokenizerJson, RefusesATemplateThatIsNotOneText) {
  const auto with_template = [](const std::string& single) {
    TinyJson json;
    json.post_processor = fmt::format(
        R"({{"type":"TemplateProcessing","single":[{}],"special_tokens":{{"s":{{"ids":[1]}}}}}})",
        single);
    return parse_error(json.text());
  };
  EXPECT_THAT(with_template(R"({"SpecialToken":{"id":"s"}})"),
              HasSubstr("does not contain the text"));
  EXPECT_THAT(with_template(R"({"Sequence":{"id":"A"}},{"Sequence":{"id":"A"}})"),
              HasSubstr("more than one"));
  EXPECT_THAT(with_template(R"({"SpecialToken":{"id":"t"}},{"Sequence":{"id":"A"}})"),
              HasSubstr("'t' is not defined"));
}

TEST(TokenizerJson, ReadsFilesFromBeforeModelsHadAType) {
  std::string text = TinyJson().text();
  const std::string type = R"("type":"WordPiece",)";
  text.erase(text.find(type), type.size());
  const auto tokenizer = make_tokenizer(parse_tokenizer_json(text, "old"), "old");
  EXPECT_EQ(pieces(*tokenizer, "hello"), "[CLS] hello [SEP]");
}

TEST(TokenizerJson, LeavesIdsOutsideTheVocabularyToTheOrderOfTheList) {
  TinyJson json;
  json.added_tokens = R"([{"id":0,"content":"[UNK]"},{"id":77,"content":"new"},
    {"id":78,"content":"hello"}])";
  const auto tokenizer = json.make();
  EXPECT_EQ(encode(*tokenizer, "new hello", {0, false}).ids, (std::vector<TokenId>{24, 3}));
}

/// Files of a model in memory.
class Files {
 public:
  Files& add(const std::string& name, std::string text) {
    texts_.push_back(std::make_unique<std::string>(std::move(text)));
    set_.add(name, std::as_bytes(std::span(*texts_.back())));
    return *this;
  }
  std::unique_ptr<Tokenizer> load(const TokenizerHints& hints = {}) const {
    return load_tokenizer(set_, hints);
  }
  std::string error(const TokenizerHints& hints = {}) const {
    return message_of([&] { load(hints); });
  }

 private:
  MemoryFileSet set_{"folder"};
  std::vector<std::unique_ptr<std::string>> texts_;
};

constexpr const char* kVocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n##x\ne\n\u65e5\n";

TEST(VocabTxt, IsBertsTokenizer) {
  const auto tokenizer = Files().add("vocab.txt", kVocab).load();
  EXPECT_EQ(encode(*tokenizer, "HELLOx é[MASK]日").ids,
            (std::vector<TokenId>{2, 5, 6, 7, 4, 8, 3}));
  const auto windows = Files().add("vocab.txt", "[UNK]\r\n[CLS]\r\n[SEP]\r\na").load();
  EXPECT_EQ(encode(*windows, "a").ids, (std::vector<TokenId>{1, 3, 2}));
}

TEST(VocabTxt, ListensToItsConfiguration) {
  const auto cased = Files()
                         .add("vocab.txt", kVocab)
                         .add("tokenizer_config.json",
                              R"({"do_lower_case":false,"cls_token":{"content":"[MASK]"},
      "sep_token":"[SEP]","model_max_length":1000000000000000019884624838656})")
                         .load();
  EXPECT_EQ(encode(*cased, "hello HELLO é").ids, (std::vector<TokenId>{4, 5, 1, 1, 3}));
  const auto together =
      Files()
          .add("vocab.txt", kVocab)
          .add("tokenizer_config.json", R"({"tokenize_chinese_chars":false,"strip_accents":false})")
          .load();
  EXPECT_EQ(encode(*together, "日e é 日", {0, false}).ids, (std::vector<TokenId>{1, 1, 8}));
}

TEST(VocabTxt, KeepsCaseWhereTheVocabularyHasCapitals) {
  const auto tokenizer = Files().add("vocab.txt", fmt::format("{}Hello\n", kVocab)).load();
  EXPECT_EQ(encode(*tokenizer, "Hello hello é", {0, false}).ids, (std::vector<TokenId>{9, 5, 1}));
}

TEST(VocabTxt, NeedsItsSpecialTokens) {
  EXPECT_THAT(Files().add("vocab.txt", "a\nb\n").error(),
              HasSubstr("folder/vocab.txt: the special token '[CLS]' is not in the vocabulary"));
  EXPECT_THAT(Files().error(), HasSubstr("folder: no tokenizer"));
}

TEST(Hints, StaticModelsHaveNoSpecialTokensAndMayDropUnknown) {
  Files files;
  files.add("tokenizer.json", TinyJson().text());
  EXPECT_EQ(pieces(*files.load(), "hello qq"), "[CLS] hello [UNK] [SEP]");
  EXPECT_EQ(pieces(*files.load({"model2vec", false}), "hello qq"), "hello [UNK]");
  EXPECT_EQ(pieces(*files.load({"model2vec", true}), "hello qq"), "hello");
  files.add("config.json", R"({"model_type":"model2vec"})");
  EXPECT_EQ(pieces(*files.load(), "hello qq"), "hello [UNK]");
}

TEST(TokenizerPath, MayBeAFolderOrOneFile) {
  EXPECT_THAT(message_of([] { load_tokenizer_from_path("/nonexistent/tokenizer.json"); }),
              HasSubstr("/nonexistent"));
  EXPECT_THAT(message_of([] { load_tokenizer_from_path("/nonexistent/weights.bin"); }),
              HasSubstr("not a tokenizer"));
  const auto tokenizer = load_tokenizer_from_path(own_data("tiny_bpe.model").string());
  EXPECT_EQ(tokenizer->kind(), "sentencepiece bpe");
}

// tiny_unigram.model was made by spm_train: <unk> 0, <s> 1, </s> 2, then pieces; no normalization.
class Families : public ::testing::Test {
 protected:
  const std::string model_ = read_file(own_data("tiny_unigram.model"));
  std::vector<TokenId> plain_ =
      encode(*load_tokenizer_from_path(own_data("tiny_unigram.model").string()), "the baker").ids;

  std::vector<TokenId> shifted(TokenId offset) const {
    std::vector<TokenId> ids;
    for (const TokenId id : plain_) ids.push_back(id + offset);
    return ids;
  }
};

TEST_F(Families, PlainModelsGiveTheirOwnNumbers) {
  ASSERT_FALSE(plain_.empty());
  const auto tokenizer = load_tokenizer_from_path(own_data("tiny_unigram.model").string());
  EXPECT_EQ(tokenizer->kind(), "sentencepiece unigram");
  EXPECT_EQ(tokenizer->vocab_size(), 100U);
  EXPECT_EQ(tokenizer->token(2), "</s>");
  EXPECT_EQ(tokenizer->token(100), "");
  // No piece of it holds q: unknown.
  EXPECT_EQ(encode(*tokenizer, "q").ids.back(), 0);
}

TEST_F(Families, XlmRobertaCountsFromFairseq) {
  const auto tokenizer =
      Files()
          .add("sentencepiece.bpe.model", model_)
          .add("tokenizer_config.json", R"({"tokenizer_class":"XLMRobertaTokenizer"})")
          .load({"bert", false});  // the class of the tokenizer counts more
  std::vector<TokenId> want = shifted(1);
  want.insert(want.begin(), 0);
  want.push_back(2);
  EXPECT_EQ(encode(*tokenizer, "the baker").ids, want);
  EXPECT_EQ(encode(*tokenizer, "q", {0, false}).ids.back(), 3);
  EXPECT_EQ(encode(*tokenizer, "the baker <mask>", {0, false}).ids.back(), 101);
  EXPECT_EQ(tokenizer->vocab_size(), 102U);
  EXPECT_EQ(tokenizer->token(0), "<s>");
  EXPECT_EQ(tokenizer->token(3), "<unk>");
  EXPECT_EQ(tokenizer->token(101), "<mask>");
}

TEST_F(Families, CamembertHasFiveOfItsOwnFirst) {
  const auto tokenizer = Files().add("sentencepiece.bpe.model", model_).load({"camembert", false});
  std::vector<TokenId> want = shifted(4);
  want.insert(want.begin(), 5);
  want.push_back(6);
  EXPECT_EQ(encode(*tokenizer, "the baker").ids, want);
  EXPECT_EQ(encode(*tokenizer, "q", {0, false}).ids.back(), 3);
  EXPECT_EQ(encode(*tokenizer, "<mask>", {0, false}).ids, std::vector<TokenId>{104});
}

TEST_F(Families, T5EndsItsTextsAndNumbersSentinelsBackwards) {
  const auto tokenizer = Files().add("spiece.model", model_).load({"t5", false});
  std::vector<TokenId> want = plain_;
  want.push_back(2);
  EXPECT_EQ(encode(*tokenizer, "the baker").ids, want);
  EXPECT_EQ(encode(*tokenizer, "<extra_id_0><extra_id_99></s>", {0, false}).ids,
            (std::vector<TokenId>{199, 100, 2}));
  EXPECT_EQ(encode(*tokenizer, "").ids, std::vector<TokenId>{2});
}

TEST_F(Families, AreAskedForWhatTheyNeed) {
  EXPECT_THAT(Files().add("spiece.model", model_).error({"albert", false}),
              HasSubstr("no piece '[CLS]'"));
  EXPECT_THAT(Files().add("spiece.model", model_).error({"unheard-of", false}),
              HasSubstr("model type 'unheard-of'"));
}

}  // namespace
}  // namespace embedtool
