// Chunks lose nothing: whatever the script, the tokenizer and the rule, they are in order, cover
// the text but for white space at cuts, divide no grapheme cluster that fits, and are no longer
// than they may be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/base/error.hpp"
#include "core/text/chunk/chunker.hpp"
#include "core/text/unicode/unicode.hpp"
#include "formats/tokenizer/tokenizer_files.hpp"
#include "tests/support/tokenizer_cases.hpp"

namespace embedtool {
namespace {

using ::testing::HasSubstr;
using testing::own_data;
using testing::shared_data;
using testing::TinyJson;

struct Named {
  std::string name;
  std::unique_ptr<Tokenizer> tokenizer;
};

std::vector<Named> all_tokenizers() {
  std::vector<Named> all;
  all.push_back({"tiny WordPiece", TinyJson().make()});
  for (const char* file : {"tiny_unigram.model", "tiny_bpe.model"}) {
    all.push_back({file, load_tokenizer_from_path(own_data(file).string())});
  }
  const auto data = shared_data();
  if (data.empty()) return all;
  for (const char* name : {"all-mpnet-base-v2", "bert-base-multilingual-cased", "t5-small",
                           "roberta-base", "modernbert-base"}) {
    all.push_back({name, load_tokenizer_from_path((data / "tokenizers" / name).string())});
  }
  return all;
}

/// Two sentences in each of 24 scripts, and what breaks careless cutters.
const std::vector<std::string>& samples() {
  static const std::vector<std::string> kSamples = {
      "The river is deep. Who crosses it? ",                   // Latin
      "Река глубока. Кто её перейдёт? ",                       // Cyrillic
      "Ο ποταμός είναι βαθύς. Ποιος θα περάσει; ",             // Greek
      "النهر عميق. من سيعبره؟ ",                               // Arabic
      "הנהר עמוק. מי יחצה אותו? ",                             // Hebrew
      "नदी गहरी है। इसे कौन पार करेगा? ",                         // Devanagari
      "নদীটি গভীর। কে পার হবে? ",                              // Bengali
      "ਨਦੀ ਡੂੰਘੀ ਹੈ। ਕੌਣ ਪਾਰ ਕਰੇਗਾ? ",                              // Gurmukhi
      "નદી ઊંડી છે. કોણ પાર કરશે? ",                              // Gujarati
      "ନଦୀ ଗଭୀର। କିଏ ପାର ହେବ? ",                                // Odia
      "ஆறு ஆழமானது. யார் கடப்பார்? ",                             // Tamil
      "నది లోతైనది. ఎవరు దాటుతారు? ",                                // Telugu
      "ನದಿ ಆಳವಾಗಿದೆ. ಯಾರು ದಾಟುತ್ತಾರೆ? ",                            // Kannada
      "നദി ആഴമുള്ളതാണ്. ആരു കടക്കും? ",                              // Malayalam
      "ගඟ ගැඹුරුයි. කවුද තරණය කරන්නේ? ",                            // Sinhala
      "แม่น้ำลึกมากใครจะข้ามได้บ้าง ",                               // Thai
      "ແມ່ນ້ຳເລິກໃຜຈະຂ້າມ ",                                       // Lao
      "မြစ်သည်နက်သည်။ မည်သူဖြတ်ကူးမည်နည်း။ ",                            // Myanmar
      "ទន្លេជ្រៅណាស់។ តើអ្នកណាឆ្លង? ",                              // Khmer
      "མཚོ་འདི་གཏིང་ཟབ། སུ་ཡིས་རྒལ། ",                               // Tibetan
      "მდინარე ღრმაა. ვინ გადალახავს? ",                       // Georgian
      "Գետը խորն է։ Ո՞վ կանցնի։ ",                             // Armenian
      "ወንዙ ጥልቅ ነው። ማን ይሻገራል? ",                                // Ethiopic
      "강은 깊다. 누가 건널까? ",                              // Hangul
      "河很深。誰會渡過呢？川は深いです。だれが渡りますか。",  // Han, kana
      "\U0001F468\u200D\U0001F469\u200D\U0001F467\U0001F3FD\U0001F1E9\U0001F1EA\U0001F1EB\U0001F1F7"
      " ",
      "e\u0301\u0302\u0303 Z\u0351\u036B\u0343 \u0600\u0661\u0662 ",  // marks, a prepended sign
      "\r\nline\rline\u2028line\u0085\r\n\r\n\tline\n\n \n",
      std::string("nul\0nul. Nul\0 ", 14),
      "Mr. Smith paid 3.50 a.m. \"Really?\" (Yes.) www.example.com ",
      "\u00a0\u3000  \t ",
      "again. again. again. ",
  };
  return kSamples;
}

std::string random_text(std::mt19937& random, std::size_t pieces) {
  std::string text;
  const bool one_script = random() % 2 == 0;
  const std::size_t script = random() % samples().size();
  for (std::size_t i = 0; i < pieces; ++i) {
    text += samples()[one_script && random() % 8 != 0 ? script : random() % samples().size()];
    if (random() % 5 == 0) text += "\n";
    if (random() % 9 == 0) text += "\n\n";
  }
  return text;
}

/// Ends of all grapheme clusters, read from the beginning.
std::vector<bool> cluster_borders(std::string_view text) {
  std::vector<bool> border(text.size() + 1);
  border[0] = border[text.size()] = true;
  std::int32_t state = 0;
  for (std::size_t at = 0; at < text.size();) {
    const unicode::Decoded before = unicode::decode(text, at);
    at += before.length;
    if (at == text.size()) break;
    border[at] =
        unicode::grapheme_ends(before.code_point, unicode::decode(text, at).code_point, state);
  }
  return border;
}

bool is_blank(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const unicode::Decoded c = unicode::decode(text, at);
    if (!unicode::is_whitespace(c.code_point)) return false;
    at += c.length;
  }
  return true;
}

struct Case {
  const Tokenizer* tokenizer = nullptr;
  std::size_t limit = 0;
  std::string prompt;
  std::string prefix;
  ChunkRule rule;
};

void check_spans(const Case& c, const std::string& text, const std::vector<ChunkSpan>& spans) {
  const TokenSettings settings{c.tokenizer, c.prompt, c.limit, true};
  TokenFeed feed(settings);
  const std::vector<bool> borders = cluster_borders(text);
  ASSERT_FALSE(spans.empty());
  std::size_t covered = 0;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const ChunkSpan& span = spans[i];
    ASSERT_LE(span.begin, span.end);
    ASSERT_LE(span.end, text.size());
    if (c.rule.overlap == 0) {
      ASSERT_GE(span.begin, covered);
    } else if (i > 0) {
      ASSERT_GT(span.begin, spans[i - 1].begin);
      ASSERT_GT(span.end, spans[i - 1].end) << "a chunk inside the one before";
      ASSERT_LE(span.overlap_tokens, c.rule.overlap);
    }
    if (span.begin > covered) {
      ASSERT_TRUE(is_blank(std::string_view(text).substr(covered, span.begin - covered)))
          << "text is lost at byte " << covered;
    }
    ASSERT_TRUE(borders[span.begin]) << "a cluster is cut at byte " << span.begin;
    ASSERT_TRUE(borders[span.end]) << "a cluster is cut at byte " << span.end;
    covered = span.end;
    std::vector<TokenId> ids;
    const auto result = feed.append(c.prefix + text.substr(span.begin, span.end - span.begin), ids);
    ASSERT_FALSE(result.truncated);
    ASSERT_LE(result.n_tokens, c.limit);
    ASSERT_EQ(result.n_tokens, span.n_tokens);
  }
  ASSERT_TRUE(is_blank(std::string_view(text).substr(covered)));
}

TEST(ChunkerProperty, SpansCoverAndKeepTheBudgetInEveryScript) {
  std::mt19937 random(20);
  for (const Named& named : all_tokenizers()) {
    for (int round = 0; round < 120; ++round) {
      Case c;
      c.tokenizer = named.tokenizer.get();
      c.limit = 64 + random() % 100;
      c.rule.by = static_cast<ChunkBy>(random() % 3);
      if (random() % 2 == 0) c.rule.overlap = random() % (c.limit / 2);
      if (random() % 3 == 0) c.prompt = "query: ";
      if (random() % 3 == 0) c.prefix = "A title ";
      const std::string text = random_text(random, 1 + random() % 60);
      const TokenSettings settings{c.tokenizer, c.prompt, c.limit, true};
      Chunker chunker(settings, c.rule);
      std::vector<ChunkSpan> spans;
      ASSERT_EQ(chunker.split(text, c.prefix, spans), "") << named.name;
      SCOPED_TRACE(fmt::format("{} round {} limit {} overlap {} by {}", named.name, round, c.limit,
                               c.rule.overlap, name_of(c.rule.by)));
      ASSERT_NO_FATAL_FAILURE(check_spans(c, text, spans));
      // The cuts depend on the text alone, not on what was cut before.
      std::vector<ChunkSpan> again;
      Chunker(settings, c.rule).split(text, c.prefix, again);
      ASSERT_EQ(again.size(), spans.size());
      for (std::size_t i = 0; i < spans.size(); ++i) {
        ASSERT_EQ(again[i].begin, spans[i].begin);
        ASSERT_EQ(again[i].end, spans[i].end);
      }
    }
  }
}

/// Texts of so many bytes, and what is odd about them.
std::vector<std::pair<std::string, std::string>> odd_texts(std::size_t size) {
  const auto repeated = [size](std::string_view piece) {
    std::string text;
    while (text.size() < size) text += piece;
    return text;
  };
  return {{"letters", repeated("abcdefghij")},
          {"ideographs", repeated("河深誰渡")},
          {"blanks", repeated(" ")},
          {"lines", repeated("\n")},
          {"marks", "a" + repeated("\u0301")},
          {"NUL", std::string(size, '\0')},
          {"words without an end", repeated("word ")},
          {"a text again and again", repeated("again. ")},
          {"blanks between", "begin." + repeated(" \t") + "end."}};
}

void cut_odd_texts(const Named& named, std::size_t size, ChunkBy by) {
  constexpr std::size_t kLimit = 128;
  for (const auto& [name, text] : odd_texts(size)) {
    SCOPED_TRACE(fmt::format("{}, {}, by {}", named.name, name, name_of(by)));
    const TokenSettings settings{named.tokenizer.get(), "", kLimit, true};
    Chunker chunker(settings, {0, by});
    std::vector<ChunkSpan> spans;
    ASSERT_EQ(chunker.split(text, "", spans), "");
    std::size_t covered = 0;
    for (const ChunkSpan& span : spans) {
      ASSERT_GE(span.begin, covered);
      ASSERT_TRUE(is_blank(std::string_view(text).substr(covered, span.begin - covered)));
      ASSERT_LE(span.n_tokens, kLimit);
      ASSERT_LE(span.end - span.begin, 64 * kLimit);
      covered = span.end;
    }
    ASSERT_TRUE(is_blank(std::string_view(text).substr(covered)));
  }
}

TEST(ChunkerProperty, OddTextsAreCutInOrder) {
  for (const Named& named : all_tokenizers()) {
    for (const ChunkBy by : {ChunkBy::token, ChunkBy::sentence, ChunkBy::paragraph}) {
      ASSERT_NO_FATAL_FAILURE(cut_odd_texts(named, 20'000, by));
    }
  }
}

// Without a blank, a sentence or a cluster's end in it. Time must not grow with its square.
TEST(ChunkerProperty, AMegabyteOfAnythingIsCut) {
  const Named named{"tiny WordPiece", TinyJson().make()};
  for (const ChunkBy by : {ChunkBy::token, ChunkBy::sentence, ChunkBy::paragraph}) {
    ASSERT_NO_FATAL_FAILURE(cut_odd_texts(named, std::size_t{1} << 20U, by));
  }
}

TEST(ChunkerProperty, TokenCutsFillChunks) {
  for (const Named& named : all_tokenizers()) {
    std::string text;
    for (int i = 0; i < 400; ++i) text += "hello world, a b ";
    const TokenSettings settings{named.tokenizer.get(), "", 64, true};
    Chunker chunker(settings, {0, ChunkBy::token});
    std::vector<ChunkSpan> spans;
    ASSERT_EQ(chunker.split(text, "", spans), "");
    for (std::size_t i = 0; i + 1 < spans.size(); ++i) {
      EXPECT_GE(spans[i].n_tokens, 58U) << named.name << " chunk " << i;
    }
  }
}

std::vector<std::string> cut(const std::string& text, std::size_t limit, const ChunkRule& rule) {
  const auto tokenizer = TinyJson().make();
  const TokenSettings settings{tokenizer.get(), "", limit, true};
  Chunker chunker(settings, rule);
  std::vector<ChunkSpan> spans;
  EXPECT_EQ(chunker.split(text, "", spans), "");
  std::vector<std::string> parts;
  for (const ChunkSpan& span : spans)
    parts.push_back(text.substr(span.begin, span.end - span.begin));
  return parts;
}

using Parts = std::vector<std::string>;

// Each word is a token, as is each mark; two tokens are special.
TEST(Chunker, PacksSentences) {
  const std::string text = "Hello a! Hello b b! A b e x! Hello world, hello world! X!";
  EXPECT_EQ(cut(text, 10, {}),
            (Parts{"Hello a! Hello b b!", "A b e x!", "Hello world, hello world! X!"}));
  EXPECT_EQ(cut(text, 100, {}), Parts{text});
}

TEST(Chunker, PacksParagraphsAndCutsLongOnesAtLines) {
  const std::string text =
      "hello a\n\nhello b\nb b b\n\n \nhello e\n\na a a a a a\r\nb b b b\r\nx x\n\n\nhello";
  EXPECT_EQ(
      cut(text, 10, {0, ChunkBy::paragraph}),
      (Parts{"hello a\n\nhello b\nb b b", "hello e", "a a a a a a", "b b b b\r\nx x\n\n\nhello"}));
}

TEST(Chunker, FallsBackToWordsAndClusters) {
  EXPECT_EQ(cut("a b a b a b a b a b a b!", 10, {}), (Parts{"a b a b a b a b", "a b a b!"}));
  const std::string marked = "e\u0301";
  std::string word;
  for (int i = 0; i < 40; ++i) word += "\u65e5" + marked;
  for (const std::string& part : cut(word, 10, {})) {
    EXPECT_TRUE(part.starts_with("\u65e5") || part.starts_with(marked)) << part;
  }
}

TEST(Chunker, OverlapsBySentencesThenByWords) {
  EXPECT_EQ(cut("Hello a! B b b! Hello world! X!", 10, {4, ChunkBy::sentence}),
            (Parts{"Hello a! B b b!", "B b b! Hello world!", "Hello world! X!"}));
  const Parts words = cut("a b e x a b e x a b e x a b e x", 10, {3, ChunkBy::sentence});
  ASSERT_GE(words.size(), 2U);
  EXPECT_EQ(words[0], "a b e x a b e x");
  EXPECT_TRUE(words[1].starts_with("b e x a")) << words[1];
}

TEST(Chunker, KeepsAShortTextAsItIs) {
  EXPECT_EQ(cut("", 16, {}), Parts{""});
  EXPECT_EQ(cut("  hello  ", 16, {}), Parts{"  hello  "});
  EXPECT_EQ(cut(" \n ", 16, {}), Parts{" \n "});
}

TEST(Chunker, SaysWhatDoesNotFit) {
  const auto tokenizer = TinyJson().make();
  std::vector<ChunkSpan> spans;
  const TokenSettings settings{tokenizer.get(), "", 16, true};
  EXPECT_THAT(Chunker(settings, {}).split("hello", "a b a b a b a b a b a b", spans),
              HasSubstr("--chunk-prefix"));
  EXPECT_TRUE(spans.empty());
  const TokenSettings narrow{tokenizer.get(), "a b a b a b a b", 16, true};
  EXPECT_THROW(Chunker(narrow, {}), Error);
  EXPECT_THROW(Chunker(settings, {9, ChunkBy::token}), Error);
}

}  // namespace
}  // namespace embedtool
