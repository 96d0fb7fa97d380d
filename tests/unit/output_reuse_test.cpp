// Rows of earlier outputs: found by their hashes, read at any place, refused where they mean
// something else.
#include "formats/output/output_reuse.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "tests/support/output_testing.hpp"
#include "tests/support/sample_rows.hpp"
#include "tests/support/temp_folder.hpp"

namespace embedtool {
namespace {

using testing::all_specs;
using testing::RowGenerator;
using testing::SampleRows;
using testing::SampleRun;
using testing::TempFolder;

TEST(HashIndex, FindsTheFirstOfEqualHashesAndNoOther) {
  TempFolder folder;
  std::mt19937_64 random(5);
  HashIndex::Builder builder(folder.path().string(), 1 << 20);
  std::vector<Hash128> hashes;
  for (std::uint64_t row = 0; row < 60'000; ++row) {
    // Some share their high half, and some are equal, also over the border of a block.
    const bool again = row % 7 == 3 && row > 0;
    hashes.push_back(again ? hashes[random() % row] : Hash128{random(), random() % 2000});
    builder.add(hashes.back(), {row, static_cast<std::uint32_t>(row % 512), row % 2 == 0});
  }
  for (int i = 0; i < 400; ++i) builder.add({7, 7}, {70'000U + static_cast<unsigned>(i), 1, false});
  HashIndex index = builder.finish();
  EXPECT_EQ(index.size(), 60'400U);
  for (std::uint64_t row = 0; row < hashes.size(); ++row) {
    const auto found = index.find(hashes[row]);
    ASSERT_TRUE(found.has_value());
    EXPECT_TRUE(hashes[found->row] == hashes[row]);
    EXPECT_LE(found->row, row);
    EXPECT_EQ(found->n_tokens, found->row % 512);
    EXPECT_EQ(found->truncated, found->row % 2 == 0);
  }
  EXPECT_EQ(index.find({7, 7})->row, 70'000U);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(index.find({random(), 5000}).has_value());
  EXPECT_FALSE(index.find({0, 0}).has_value());
  EXPECT_FALSE(index.find({UINT64_MAX, UINT64_MAX}).has_value());
}

TEST(HashIndex, LeavesOutWhatItCannotHold) {
  TempFolder folder;
  HashIndex::Builder builder(folder.path().string(), 0);
  builder.add({1, 1}, {0, 1U << 24U, false});
  builder.add({1, 2}, {std::uint64_t{1} << 39U, 1, false});
  builder.add({1, 3}, {(std::uint64_t{1} << 39U) - 1, (1U << 24U) - 1, true});
  HashIndex index = builder.finish();
  EXPECT_EQ(index.size(), 1U);
  const auto found = index.find({1, 3});
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->row, (std::uint64_t{1} << 39U) - 1);
  EXPECT_EQ(found->n_tokens, (1U << 24U) - 1);
  EXPECT_TRUE(found->truncated);
}

SampleRun sample_run(const OutputSpec& spec) {
  SampleRun how;
  how.spec = spec;
  how.shards.rows_per_shard = 700;
  how.shards.parquet.row_group_bytes = 20'000;
  return how;
}

TEST(RowFetcher, ReadsAnyRowsAsTheyWereWritten) {
  std::mt19937_64 random(9);
  for (const OutputSpec& spec : all_specs()) {
    TempFolder folder;
    const SampleRows rows = RowGenerator(spec, 4).make(3000);
    testing::write_sample(folder / "out", rows, sample_run(spec));
    const auto output = open_earlier(folder / "out");
    RowFetcher fetcher(output->directory, output->manifest, vocabulary_of(spec));
    for (const std::size_t step : {1U, 2U, 40U, 900U}) {
      std::vector<std::uint64_t> wanted;
      for (std::size_t row = random() % step; row < 3000; row += 1 + random() % step) {
        wanted.push_back(row);
      }
      ReusedRows got;
      fetcher.fetch(wanted, got);
      const EmbeddingBlock all = rows.view();
      ASSERT_EQ(got.rows.size(), wanted.size());
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (spec.kind == RowKind::sparse) {
          EXPECT_TRUE(std::ranges::equal(got.weights_of(got.rows[i]), all.weights_of(wanted[i])));
        } else {
          EXPECT_TRUE(std::ranges::equal(got.vectors_of(got.rows[i], spec.vector_bytes()),
                                         all.vectors_of(wanted[i], spec.vector_bytes())))
              << "row " << wanted[i];
        }
      }
    }
  }
}

TEST(RowLookup, FindsRowsInAnyOrder) {
  TempFolder folder;
  const OutputSpec spec = testing::sample_spec(OutputType::binary, 8, false, 0);
  constexpr std::size_t kRows = 150'000;  // more than the cursor holds
  const SampleRows rows = RowGenerator(spec, 4).make(kRows);
  SampleRun how;
  how.spec = spec;
  how.window = 8192;
  testing::write_sample(folder / "out", rows, how);
  const auto output = open_earlier(folder / "out");
  std::mt19937_64 random(2);
  for (const int order : {0, 1, 2}) {
    std::vector<std::uint64_t> wanted(kRows);
    for (std::size_t i = 0; i < kRows; ++i) wanted[i] = i;
    if (order == 1) std::rotate(wanted.begin(), wanted.begin() + 90'000, wanted.end());
    if (order == 2) std::shuffle(wanted.begin(), wanted.end(), random);
    RowLookup lookup(output->directory, output->manifest, folder.path().string(), 1 << 20, nullptr);
    for (std::size_t at = 0; at < kRows; at += 5000) {
      std::vector<Hash128> texts;
      for (std::size_t i = at; i < at + 5000; ++i) texts.push_back(rows.rows[wanted[i]].text_hash);
      texts.push_back({random(), random()});
      std::vector<std::optional<RowKey>> keys(texts.size());
      lookup.find(texts, keys);
      for (std::size_t i = 0; i < 5000; ++i) {
        ASSERT_TRUE(keys[i].has_value()) << order << " " << at + i;
        EXPECT_EQ(keys[i]->row, wanted[at + i]);
        EXPECT_EQ(keys[i]->n_tokens, rows.rows[wanted[at + i]].n_tokens);
        EXPECT_EQ(keys[i]->truncated, rows.rows[wanted[at + i]].truncated);
      }
      EXPECT_FALSE(keys.back().has_value());
    }
  }
}

TEST(RowLookup, PassesOverScatteredRowsIfAskedTo) {
  TempFolder folder;
  const OutputSpec spec = testing::sample_spec(OutputType::binary, 8, false, 0);
  constexpr std::size_t kRows = 150'000;
  const SampleRows rows = RowGenerator(spec, 4).make(kRows);
  SampleRun how;
  how.spec = spec;
  how.window = 8192;
  testing::write_sample(folder / "out", rows, how);
  const auto output = open_earlier(folder / "out");
  RowLookup lookup(output->directory, output->manifest, folder.path().string(), 1 << 20, nullptr);
  lookup.pass_scattered();
  const auto found = [&](std::size_t first, std::size_t step) {
    std::vector<Hash128> texts;
    for (std::size_t i = 0; i < 500; ++i) texts.push_back(rows.rows[first + i * step].text_hash);
    std::vector<std::optional<RowKey>> keys(texts.size());
    lookup.find(texts, keys);
    return std::count_if(keys.begin(), keys.end(), [](const auto& key) { return key.has_value(); });
  };
  EXPECT_EQ(found(0, 1), 500);
  EXPECT_EQ(found(17, 60), 0);        // beside the cursor, but far from each other
  EXPECT_EQ(found(70'000, 150), 0);   // far from both
  EXPECT_EQ(found(120'000, 3), 500);  // a part that has moved
  EXPECT_EQ(found(121'500, 3), 500);  // the cursor is there now
  // The cursor came to the middle of the part: what is before is not worth a look into the index.
  EXPECT_EQ(found(120'300, 3), 350);
}

/// Gives a field another value: the first of these that is one.
void change(const IdentityField& field, RunIdentity& identity) {
  constexpr std::array<const char*, 19> kValues = {
      "x",   "7",   "true",   "false",  "mean", "cls",   "skip", "sparse", "bf16", "multi",
      "f16", "0.5", "offset", "reject", "npy",  "split", "list", "token",  "late"};
  const RunIdentity before = identity;
  for (const char* value : kValues) {
    try {
      field.set(identity, value);
      if (!field.same(before, identity)) return;
    } catch (const std::exception&) {
    }
    identity = before;
  }
  FAIL() << field.name << " has no other value among these";
}

TEST(OutputReuse, RefusesEveryOtherSpaceByName) {
  SampleRun how;
  how.spec = testing::sample_spec(OutputType::int8, 8, false, 1);
  Manifest before = testing::sample_manifest(how);
  before.identity.int8_scale = 0.25F;
  EXPECT_EQ(why_not_reused(before, before.identity, ReuseKernels::same), "");
  for (const IdentityField& field : identity_fields()) {
    if (field.name == "inputs" || field.name == "model_files") continue;
    RunIdentity now = before.identity;
    change(field, now);
    const std::string same = why_not_reused(before, now, ReuseKernels::same);
    const std::string any = why_not_reused(before, now, ReuseKernels::any);
    const std::string named = std::string(field.name) + " was ";
    EXPECT_EQ(same.find(named) != std::string::npos,
              field.kind == IdentityClass::space || field.kind == IdentityClass::kernels)
        << field.name << ": " << same;
    EXPECT_EQ(any.find(named) != std::string::npos, field.kind == IdentityClass::space)
        << field.name << ": " << any;
  }
}

TEST(OutputReuse, RefusesSettingsThatItDoesNotKnow) {
  Manifest before = testing::sample_manifest({});
  before.foreign_settings = {{"rotation", "hadamard"}};
  EXPECT_NE(why_not_reused(before, before.identity, ReuseKernels::any).find("rotation"),
            std::string::npos);
}

}  // namespace
}  // namespace embedtool
