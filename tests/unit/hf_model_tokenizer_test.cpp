// What the loader makes of a folder's tokenizer files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/loader_cases.hpp"

namespace embedtool {
namespace {

using ::testing::ElementsAre;
using testing::Files;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::load;
using testing::model2vec_files;
using testing::sentence_files;

// Cased: "Cat" and "cat" are different words.
const std::string kVocabTxt = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncat\nCat\nmat\n\xc3\xa4\n";

std::vector<TokenId> ids_of(const LoadedModel& model, const std::string& text) {
  std::vector<TokenId> ids;
  const auto scratch = model.tokenizer->make_scratch();
  const TokenizeResult result = model.tokenizer->encode(text, {}, *scratch, ids);
  EXPECT_EQ(result.n_tokens, ids.size());
  return ids;
}

Files cased_files() {
  Files files = sentence_files();
  files["vocab.txt"] = kVocabTxt;
  files["tokenizer_config.json"] = R"({"do_lower_case": false, "strip_accents": false})";
  return files;
}

TEST(ModelTokenizer, KeepsCaseWhereTheTokenizerDoes) {
  const LoadedModel model = load(cased_files());
  EXPECT_THAT(ids_of(model, "Cat cat"), ElementsAre(2, 6, 5, 3));
}

TEST(ModelTokenizer, LowersTextsWhereTheSettingsSaySo) {
  Files files = cased_files();
  files["sentence_bert_config.json"] = R"({"max_seq_length": 16, "do_lower_case": true})";
  const LoadedModel model = load(files);
  EXPECT_THAT(ids_of(model, "Cat cat \xc3\x84"), ElementsAre(2, 5, 5, 8, 3));
  EXPECT_EQ(model.tokenizer->vocab_size(), 9U);
  EXPECT_EQ(model.tokenizer->token(5), "cat");
}

TEST(ModelTokenizer, NotesAVocabularyBeyondTheTable) {
  Files files = cased_files();
  EXPECT_THAT(load(files).notes, IsEmpty());
  for (int i = 0; i < 40; ++i) files["vocab.txt"] += "word" + std::to_string(i) + "\n";
  EXPECT_THAT(load(files).notes, ElementsAre(HasSubstr("49 tokens, but the model only 40")));
}

TEST(ModelTokenizer, FilesThatCannotBeUsedStopOnlyTexts) {
  Files files = sentence_files();
  files["tokenizer.json"] = "{]";
  const LoadedModel model = load(files);
  EXPECT_THAT(model.notes, ElementsAre(HasSubstr("texts cannot be encoded")));
  ASSERT_NE(model.tokenizer, nullptr);
  try {
    ids_of(model, "a text");
    FAIL() << "encoded";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::model);
    EXPECT_THAT(error.what(), HasSubstr("tokenizer.json"));
  }
}

TEST(ModelTokenizer, IsPartOfTheFingerprint) {
  Files files = cased_files();
  const std::string fingerprint = load(files).fingerprint;
  files["vocab.txt"] += "dog\n";
  EXPECT_NE(load(files).fingerprint, fingerprint);
}

// 5 rows, so a vocabulary of 5.
Files static_files() {
  Files files = model2vec_files();
  files["vocab.txt"] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\ncat\n";
  return files;
}

TEST(ModelTokenizer, StaticModelsTakeNoSpecialTokensAndDropUnknownOnes) {
  const LoadedModel model = load(static_files());
  EXPECT_THAT(ids_of(model, "cat dog cat"), ElementsAre(4, 4));
  EXPECT_THAT(ids_of(model, "dog"), IsEmpty());
}

TEST(ModelTokenizer, AStandInTakesThePlaceOfNoTokens) {
  Files files = static_files();
  files["config.json"] = R"({"model_type": "model2vec", "empty_text_token_id": 0})";
  const LoadedModel model = load(files);
  EXPECT_THAT(ids_of(model, ""), ElementsAre(0));
  EXPECT_THAT(ids_of(model, "dog"), ElementsAre(0));
  EXPECT_THAT(ids_of(model, "cat"), ElementsAre(4));
  files["config.json"] = R"({"model_type": "model2vec", "empty_text_token_id": 5})";
  EXPECT_THAT(testing::error_loading(files), HasSubstr("'empty_text_token_id' 5"));
}

}  // namespace
}  // namespace embedtool
