#include "core/pipeline/quantize.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/math/kernels.hpp"
#include "core/math/matrix.hpp"
#include "core/text/token_feed.hpp"

namespace embedtool {
namespace {

// Any fixed texts do; these mix lengths, scripts, code and numbers as corpora do.
constexpr std::array kCalibrationTexts = {
    "",
    "a",
    "hello world",
    "The quick brown fox jumps over the lazy dog.",
    "How do I reset my password if I no longer have access to my e-mail address?",
    "SELECT id, count(*) FROM events WHERE ts > now() - interval '1 day' GROUP BY id;",
    "for (int i = 0; i < n; ++i) sum += values[i];",
    "Error 0x80070005: access denied (C:\\Windows\\System32\\drivers\\etc\\hosts)",
    "https://www.example.org/articles/2021/03/14/pi-day?ref=home#comments",
    "Invoice no. 2023-00417, due 31.12.2023, total EUR 1,299.00 incl. 19 % VAT",
    "Deep convolutional networks are trained end to end on images and captions.",
    "The patient was given 40 mg of furosemide intravenously and monitored overnight.",
    "All human beings are born free and equal in dignity and rights.",
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "人人生而自由，在尊严和权利上一律平等。",
    "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق.",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।",
    "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "Great little café 👍 — we'll be back! ☕️🥐",
    "stocks fall as central bank raises rates by 0.25 percentage points",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20",
    "In 1905 Einstein published four papers, on the photoelectric effect, on Brownian motion, on "
    "special relativity and on the equivalence of mass and energy; together they changed physics, "
    "and the year has been called his annus mirabilis ever since.",
    "Recipe: whisk two eggs with sugar, fold in the flour, add a pinch of salt and bake for twenty "
    "minutes at 180 degrees until golden brown. Serve warm with berries and a spoon of cream.",
    "The court held that the contract was void for uncertainty, because the parties had left the "
    "price to be agreed and provided no mechanism by which it could be determined.",
    "Query: best running shoes for flat feet",
    "Passage: Flat feet benefit from shoes with firm midsoles and good arch support.",
    "!!! ??? ... --- ***",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
};

/// Token ids of all calibration sequences, back to back, and their offsets.
struct Sequences {
  std::vector<TokenId> ids;
  std::vector<std::uint32_t> offsets{0};
};

Sequences tokenized(const Tokenizer& tokenizer, std::size_t max_tokens) {
  Sequences out;
  const TokenSettings settings{&tokenizer, "", max_tokens, true};
  TokenFeed feed(settings);
  for (const char* text : kCalibrationTexts) {
    feed.append(text, out.ids);
    out.offsets.push_back(static_cast<std::uint32_t>(out.ids.size()));
  }
  return out;
}

Sequences random_ids(std::size_t vocab, std::size_t max_tokens) {
  Sequences out;
  std::uint64_t state = 1;
  for (std::size_t length = 1; length <= 32; ++length) {
    for (std::size_t i = 0; i < length && (max_tokens == 0 || i < max_tokens); ++i) {
      state = state * 6364136223846793005U + 1442695040888963407U;  // Knuth's MMIX generator
      out.ids.push_back(static_cast<TokenId>((state >> 33U) % vocab));
    }
    out.offsets.push_back(static_cast<std::uint32_t>(out.ids.size()));
  }
  return out;
}

}  // namespace

void quantize(const float* vector, std::size_t dims, OutputType type, float int8_scale,
              std::byte* out) {
  switch (type) {
    case OutputType::f32:
      std::memcpy(out, vector, dims * sizeof(float));
      return;
    case OutputType::f16:
      to_f16(vector, dims, out);
      return;
    case OutputType::int8:
      to_int8(vector, dims, int8_scale, out);
      return;
    case OutputType::binary:
      to_binary(vector, dims, out);
      return;
  }
}

float calibrate_int8(const Encoder& encoder, const Tokenizer* tokenizer, std::size_t max_tokens) {
  const Sequences sequences = tokenizer != nullptr ? tokenized(*tokenizer, max_tokens)
                                                   : random_ids(encoder.vocab_size(), max_tokens);
  const Batch batch{sequences.ids, sequences.offsets};
  Workspace workspace;
  RowBatch rows;
  StageClock clock;
  encoder.encode(batch, workspace, clock, rows);
  const ConstMatrix vectors(rows.vectors.data(), rows.offsets.back(), encoder.dims());
  const float largest =
      vectors.size() == 0 ? 0.0F : vectors.cwiseAbs().maxCoeff<Eigen::PropagateNumbers>();
  return largest > 0.0F ? largest / 127.0F : 1.0F / 127.0F;
}

}  // namespace embedtool
