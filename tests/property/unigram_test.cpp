// A Unigram model remembers parts of words. Its ids are those of the plain algorithm over the whole
// word nevertheless, however close the scores of other paths are.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/models/word_model.hpp"

namespace embedtool {
namespace {

constexpr std::string_view kMark = "\xE2\x96\x81";

/// Viterbi from the first byte to the last, as the reference computes it.
class PlainUnigram {
 public:
  explicit PlainUnigram(const UnigramSpec& spec) : spec_(spec) {
    for (const auto& piece : spec.pieces) least_ = std::min(least_, piece.score);
  }

  std::vector<TokenId> encode(std::string_view word) const {
    struct Node {
      double score = 0.0;
      std::size_t start = 0;
      TokenId id = -1;
      bool reached = false;
    };
    std::vector<Node> nodes(word.size() + 1);
    const auto offer = [&](std::size_t start, std::size_t end, double score, TokenId id) {
      if (!nodes[end].reached || score > nodes[end].score) nodes[end] = {score, start, id, true};
    };
    for (std::size_t at = 0; at < word.size();) {
      const std::size_t length = (word[at] & 0x80) != 0 ? 3 : 1;
      bool single = false;
      for (std::size_t bytes = 1; bytes <= word.size() - at; ++bytes) {
        const TokenId id = find(word.substr(at, bytes));
        if (id < 0) continue;
        offer(at, at + bytes, spec_.pieces[static_cast<std::size_t>(id)].score + nodes[at].score,
              id);
        single = single || bytes == length;
      }
      if (!single) offer(at, at + length, least_ - 10.0 + nodes[at].score, -1);
      at += length;
    }
    std::vector<TokenId> ids;
    for (std::size_t end = word.size(); end > 0; end = nodes[end].start) {
      const bool unknown = nodes[end].id < 0;
      const TokenId id = unknown ? static_cast<TokenId>(*spec_.unk_id) : nodes[end].id;
      const bool goes_on = unknown && end < word.size() && ids.back() == id;
      if (!goes_on) ids.push_back(id);
    }
    return {ids.rbegin(), ids.rend()};
  }

 private:
  TokenId find(std::string_view text) const {
    for (std::size_t i = 0; i < spec_.pieces.size(); ++i) {
      if (spec_.pieces[i].text == text) return static_cast<TokenId>(i);
    }
    return -1;
  }

  const UnigramSpec& spec_;
  double least_ = 0.0;
};

class UnigramCases {
 public:
  explicit UnigramCases(unsigned seed) : random_(seed) {}

  /// Scores that tie exactly, nearly (by less than rounding may hide), or hardly ever.
  UnigramSpec model() {
    UnigramSpec spec;
    spec.pieces.push_back({"<unk>", 0.0});
    spec.unk_id = 0;
    const unsigned kind = below(4);
    std::vector<std::string> texts = {"a", "b"};
    if (below(2) == 0) texts.emplace_back(kMark);
    for (unsigned i = 0; i < 12; ++i) texts.push_back(word(3));
    for (const std::string& text : texts) {
      const bool twice = std::any_of(spec.pieces.begin(), spec.pieces.end(),
                                     [&](const auto& piece) { return piece.text == text; });
      if (twice || text.empty()) continue;
      double score = -0.5 * (1 + below(16));
      if (kind == 1) score -= below(3) * 1e-13;
      if (kind == 2) score *= 1.0 / 3.0;
      if (kind == 3) score = -std::uniform_real_distribution<double>(0.1, 14.0)(random_);
      spec.pieces.push_back({text, score});
    }
    return spec;
  }

  /// Words behind marks, of which many come again. `c` is in no piece.
  std::string sentence() {
    std::vector<std::string> words;
    for (unsigned i = 0; i < 6; ++i) words.push_back(word(9));
    std::string text;
    for (unsigned n = 1 + below(60); n > 0; --n) {
      if (below(8) != 0) text += kMark;
      text += words[below(6)];
      if (below(30) == 0) text += 'c';
    }
    return text.empty() ? "a" : text;
  }

 private:
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  std::string word(unsigned longest) {
    std::string text;
    if (longest < 5 && below(3) == 0) text = kMark;
    for (unsigned n = below(longest + 1); n > 0; --n) text += below(2) == 0 ? 'a' : 'b';
    return text;
  }

  std::mt19937 random_;
};

TEST(UnigramProperty, RemembersNothingThatDependsOnTheTextBefore) {
  for (unsigned seed = 0; seed < 400; ++seed) {
    UnigramCases cases(seed);
    const UnigramSpec spec = cases.model();
    const PlainUnigram plain(spec);
    const auto model = make_unigram(spec, "a model");
    const auto scratch = model->make_scratch();
    for (int round = 0; round < 12; ++round) {
      const std::string text = cases.sentence();
      std::vector<TokenId> ids;
      model->encode(text, Joint::none, *scratch, ids);
      ASSERT_EQ(ids, plain.encode(text)) << "seed " << seed << ", round " << round << ": " << text;
    }
  }
}

}  // namespace
}  // namespace embedtool
