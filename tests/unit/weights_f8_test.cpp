// 8-bit floats: every value, and the scales that published folders put beside them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/base/error.hpp"
#include "core/math/kernels.hpp"
#include "core/model/weights.hpp"
#include "formats/weights/safetensors.hpp"
#include "tests/support/model_folder.hpp"

namespace embedtool {
namespace {

using testing::as_bytes;
using ::testing::HasSubstr;
using testing::safetensors_file;
using testing::tensor_of;
using testing::TestTensor;

/// (-1)^s · 2^(e - bias) · (1 + m / 2^bits), below the smallest exponent 2^(1 - bias) · m / 2^bits
/// (Micikevicius et al. 2022, table 1).
double value_of(unsigned code, int bits, int bias) {
  const double sign = (code & 0x80U) != 0 ? -1.0 : 1.0;
  const auto exponent = static_cast<int>((code & 0x7fU) >> static_cast<unsigned>(bits));
  const double mantissa = std::ldexp(code & ((1U << static_cast<unsigned>(bits)) - 1U), -bits);
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias);
  return sign * std::ldexp(1.0 + mantissa, exponent - bias);
}

std::vector<float> widen_all(DType type) {
  std::vector<std::byte> codes(256);
  for (unsigned i = 0; i < 256; ++i) codes[i] = static_cast<std::byte>(i);
  std::vector<float> out(256);
  widen(codes.data(), type, out.size(), out.data());
  return out;
}

TEST(F8, E4m3IsExact) {
  const std::vector<float> got = widen_all(DType::f8_e4m3);
  for (unsigned i = 0; i < 256; ++i) {
    if ((i & 0x7fU) == 0x7fU) {
      EXPECT_TRUE(std::isnan(got[i])) << i;
    } else {
      EXPECT_EQ(got[i], value_of(i, 3, 7)) << i;
      EXPECT_EQ(std::signbit(got[i]), i >= 128) << i;
    }
  }
  EXPECT_EQ(got[0x7e], 448.0F);
}

TEST(F8, E5m2IsExact) {
  const std::vector<float> got = widen_all(DType::f8_e5m2);
  for (unsigned i = 0; i < 256; ++i) {
    const unsigned magnitude = i & 0x7fU;
    if (magnitude > 0x7cU) {
      EXPECT_TRUE(std::isnan(got[i])) << i;
    } else if (magnitude == 0x7cU) {
      EXPECT_EQ(got[i], i < 128 ? INFINITY : -INFINITY);
    } else {
      EXPECT_EQ(got[i], value_of(i, 2, 15)) << i;
      EXPECT_EQ(std::signbit(got[i]), i >= 128) << i;
    }
  }
  EXPECT_EQ(got[0x7b], 57344.0F);
}

/// A matrix [rows, columns] of codes that follow each other, with a scale tensor beside it.
class Scaled {
 public:
  Scaled(std::int64_t rows, std::int64_t columns, const std::vector<TestTensor>& scales)
      : rows_(static_cast<std::size_t>(rows)), columns_(static_cast<std::size_t>(columns)) {
    for (std::size_t i = 0; i < rows_ * columns_; ++i) {
      codes_.push_back(static_cast<std::uint8_t>(i * 37 % 120));  // below the NaN
    }
    std::vector<TestTensor> tensors = scales;
    tensors.push_back(tensor_of("x.weight", "F8_E4M3", {rows, columns}, codes_));
    file_ = safetensors_file(tensors);
    weights_.add_file(as_bytes(file_), "f8.safetensors");
  }

  std::vector<float> read() const {
    std::vector<float> out(rows_ * columns_);
    WeightReader(weights_, {}).matrix("x", rows_, columns_, out.data());
    return out;
  }

  /// Every element times what `scale(row, column)` says.
  template <typename Scale>
  void expect(const Scale& scale) const {
    const std::vector<float> got = read();
    for (std::size_t i = 0; i < got.size(); ++i) {
      const float stored = static_cast<float>(value_of(codes_[i], 3, 7));
      ASSERT_EQ(got[i], stored * scale(i / columns_, i % columns_)) << i;
    }
  }

  std::string error() const {
    try {
      read();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::model);
      return error.what();
    }
    return "";
  }

 private:
  std::size_t rows_;
  std::size_t columns_;
  std::vector<std::uint8_t> codes_;
  std::string file_;
  SafetensorsWeights weights_{"f8.safetensors"};
};

TEST(F8, WithoutScalesValuesAreAsTheyAre) {
  Scaled(7, 5, {}).expect([](std::size_t, std::size_t) { return 1.0F; });
}

TEST(F8, OneScaleForTheWhole) {
  for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{}, {1}, {1, 1}}) {
    const auto scale = tensor_of<float>("x.weight_scale", "F32", shape, {0.037F});
    Scaled(7, 5, {scale}).expect([](std::size_t, std::size_t) { return 0.037F; });
  }
}

TEST(F8, OneScaleAnOutput) {
  const std::vector<float> values{0.5F, 0.03F, 7.0F};
  for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{3}, {3, 1}}) {
    Scaled(3, 150, {tensor_of("x.weight_scale", "F32", shape, values)})
        .expect([&](std::size_t row, std::size_t) { return values[row]; });
  }
}

// 300 × 200 in blocks of 128: the last ones are cut off.
TEST(F8, OneScaleABlock) {
  const std::vector<float> values{1.5F, 0.25F, 0.3F, 3.0F, 0.11F, 0.9F};
  Scaled(300, 200, {tensor_of("x.weight_scale_inv", "F32", {3, 2}, values)})
      .expect([&](std::size_t r, std::size_t c) { return values[r / 128 * 2 + c / 128]; });
  // Blocks of another width, where they come out even.
  Scaled(30, 20, {tensor_of("x.weight_scale_inv", "F32", {3, 2}, values)})
      .expect([&](std::size_t r, std::size_t c) { return values[r / 10 * 2 + c / 10]; });
}

TEST(F8, RefusesScalesThatDoNotFit) {
  const auto scale = tensor_of<float>("x.weight_scale", "F32", {4}, {1, 1, 1, 1});
  EXPECT_THAT(Scaled(3, 5, {scale}).error(), HasSubstr("x.weight_scale has shape [4]"));
  const auto odd = tensor_of<float>("x.weight_scale_inv", "F32", {2, 2}, {1, 1, 1, 1});
  EXPECT_THAT(Scaled(3, 5, {odd}).error(), HasSubstr("does not fit x.weight of [3, 5]"));
}

}  // namespace
}  // namespace embedtool
