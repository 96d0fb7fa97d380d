#pragma once

// Reads the fixtures of tests/golden/data: see the README there.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace embedtool::golden {

/// One sequence and what the reference gives for it, in float64.
struct Item {
  std::vector<std::int32_t> ids;
  std::optional<std::string> text;          ///< the folder's tokenizer gives `ids` for it
  std::vector<double> pooled;               ///< after pooling and dense layers
  std::vector<double> normalized;           ///< pooled over its norm
  std::vector<std::vector<double>> tokens;  ///< last hidden states, one row a token; often empty
};

struct Case {
  std::string name;
  std::filesystem::path folder;   ///< tests/golden/data/NAME
  std::vector<std::string> spec;  ///< arguments of make_model.py
  std::vector<Item> items;

  std::filesystem::path model() const { return folder / "model"; }
  bool is_committed() const { return std::filesystem::is_directory(model()); }
};

inline std::filesystem::path data_folder() {
  return std::filesystem::path(EMBEDTOOL_SOURCE_DIR) / "tests/golden/data";
}

/// `v` cut to its first `dims` elements (0 = all) and scaled to length 1.
inline std::vector<double> unit(std::vector<double> v, std::size_t dims = 0) {
  if (dims != 0) v.resize(dims);
  double square = 0;
  for (const double x : v) square += x * x;
  for (double& x : v) x /= std::sqrt(square);
  return v;
}

inline Case load_case(const std::string& name) {
  Case c{name, data_folder() / name, {}, {}};
  std::ifstream file(c.folder / "golden.json");
  const nlohmann::json golden = nlohmann::json::parse(file);
  c.spec = golden.at("spec").get<std::vector<std::string>>();
  for (const nlohmann::json& entry : golden.at("items")) {
    Item item;
    entry.at("input_ids").get_to(item.ids);
    entry.at("pooled").get_to(item.pooled);
    item.normalized = unit(item.pooled);
    if (entry.contains("text")) item.text = entry["text"].get<std::string>();
    if (entry.contains("token_embeddings")) entry["token_embeddings"].get_to(item.tokens);
    c.items.push_back(std::move(item));
  }
  return c;
}

/// Names of all cases, sorted. With `committed`, of those whose model folder is in the repository;
/// else of those that are made again from their seed.
inline std::vector<std::string> case_names(bool committed) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(data_folder())) {
    if (std::filesystem::is_directory(entry.path() / "model") == committed) {
      names.push_back(entry.path().filename());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// How far a vector lies from its reference.
struct Distance {
  double max_abs = 0;
  double cosine = 0;
};

/// Both in float64; equal lengths, or an infinite distance.
inline Distance distance(std::span<const float> ours, std::span<const double> reference) {
  if (ours.size() != reference.size() || ours.empty()) return {INFINITY, -1.0};
  Distance d;
  double dot = 0;
  double a = 0;
  double b = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double x = ours[i];
    // A NaN must not pass: std::max would drop it.
    if (!std::isfinite(x)) return {INFINITY, -1.0};
    d.max_abs = std::max(d.max_abs, std::abs(x - reference[i]));
    dot += x * reference[i];
    a += x * x;
    b += reference[i] * reference[i];
  }
  d.cosine = dot / std::sqrt(a * b);
  return d;
}

/// Makes a case's model folder below `parent` with tests/golden/makers/make_model.py; nothing where
/// python3 or numpy is not installed. Fails the test when the script itself fails.
inline std::optional<std::filesystem::path> make_folder(const Case& c,
                                                        const std::filesystem::path& parent) {
  if (std::system(EMBEDTOOL_PYTHON " -c 'import numpy' >/dev/null 2>&1") != 0) return std::nullopt;
  const std::filesystem::path out = parent / c.name;
  std::string command =
      EMBEDTOOL_PYTHON " '" EMBEDTOOL_SOURCE_DIR "/tests/golden/makers/make_model.py' '";
  command += out.string() + "'";
  for (const std::string& word : c.spec) command += " '" + word + "'";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return out;
}

}  // namespace embedtool::golden
