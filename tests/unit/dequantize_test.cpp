// Every block type against what the `gguf` package makes of the same bytes.
#include "core/math/dequantize.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/math/kernels.hpp"

namespace embedtool {
namespace {

std::vector<std::byte> bytes_of(const std::string& hex) {
  std::vector<std::byte> out;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    out.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return out;
}

DType type_named(const std::string& name) {
  for (const auto& [type, word] : enum_words<DType>) {
    if (word == name) return type;
  }
  ADD_FAILURE() << name;
  return DType::f32;
}

TEST(Dequantize, AgreesWithTheReference) {
  std::ifstream file(std::string(EMBEDTOOL_SOURCE_DIR) + "/tests/unit/data/gguf_blocks.json");
  const auto cases = nlohmann::json::parse(file);
  ASSERT_EQ(cases.size(), 8U);
  for (const auto& [name, entry] : cases.items()) {
    const DType type = type_named(name);
    const auto bytes = bytes_of(entry.at("bytes"));
    const auto expected = entry.at("values").get<std::vector<float>>();
    ASSERT_EQ(stored_bytes(type, expected.size()), bytes.size()) << name;
    std::vector<float> values(expected.size());
    widen(bytes.data(), type, values.size(), values.data());
    EXPECT_EQ(values, expected) << name;
    std::vector<float> sum(expected.size(), 1.0F);
    const WeightedRow row{bytes.data(), 2.0F};
    add_widened(sum.data(), {&row, 1}, type, sum.size());
    for (std::size_t i = 0; i < sum.size(); ++i) {
      EXPECT_NEAR(sum[i], 1.0F + 2.0F * expected[i], 1e-3F * (1.0F + std::abs(expected[i])))
          << name;
    }
  }
}

}  // namespace
}  // namespace embedtool
