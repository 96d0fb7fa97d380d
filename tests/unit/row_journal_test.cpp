// Rows that a stopped run has left: taken as they were, up to the first damage, and from hostile
// files none that an output could not have.
#include "formats/output/row_journal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/support/sample_rows.hpp"
#include "tests/support/temp_folder.hpp"

namespace embedtool {
namespace {

using testing::all_specs;
using testing::RowGenerator;
using testing::SampleRows;
using testing::TempFolder;

constexpr Hash128 kFingerprint{3, 4};

JournalChoice all_journals() {
  return {[](std::string_view) { return true; }, true};
}

std::string only_journal(const Directory& directory) {
  const auto names = directory.list(kRowsFolder);
  EXPECT_EQ(names.size(), 1U);
  return directory.path_of(std::string(kRowsFolder) + "/" + names.front());
}

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_all(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::span<const std::byte> row_bytes(const EmbeddingBlock& block, const OutputSpec& spec,
                                     std::size_t row) {
  if (spec.kind == RowKind::sparse) return std::as_bytes(block.weights_of(row));
  return block.vectors_of(row, spec.vector_bytes());
}

std::vector<Hash128> hashes_of(const SampleRows& rows) {
  std::vector<Hash128> hashes;
  for (const RowInfo& info : rows.rows) hashes.push_back(info.text_hash);
  return hashes;
}

/// Of the rows of `sample`, how many are found; those must be equal.
std::size_t found_of(RecoveredRows& recovered, const SampleRows& sample, const OutputSpec& spec) {
  ReusedRows found;
  const auto hashes = hashes_of(sample);
  found.clear(hashes.size());
  recovered.find(hashes, found);
  const EmbeddingBlock block = sample.view();
  std::size_t count = 0;
  for (std::size_t row = 0; row < hashes.size(); ++row) {
    const ReusedRows::Row* got = found.find(row);
    if (got == nullptr) continue;
    ++count;
    EXPECT_EQ(got->n_tokens, sample.rows[row].n_tokens);
    EXPECT_EQ(got->truncated, sample.rows[row].truncated);
    EXPECT_EQ(got->origin, RowOrigin::stopped_run);
    const auto wanted = row_bytes(block, spec, row);
    const auto bytes = spec.kind == RowKind::sparse ? std::as_bytes(found.weights_of(*got))
                                                    : found.vectors_of(*got, spec.vector_bytes());
    EXPECT_TRUE(std::ranges::equal(bytes, wanted)) << row;
  }
  return count;
}

TEST(RowJournal, GivesEveryRowBack) {
  for (const OutputSpec& spec : all_specs()) {
    TempFolder folder;
    const Directory directory(folder.path().string(), false);
    RowGenerator generator(spec, 7);
    const SampleRows one = generator.make(50);
    const SampleRows two = generator.make(1);
    const SampleRows other = generator.make(20);
    RowJournal journal(directory, "shard", kFingerprint);
    std::vector<RowPlace> places;
    journal.append(one.view(), spec, places);
    journal.append(two.view(), spec, places);
    ASSERT_EQ(places.size(), 51U);
    std::vector<std::byte> bytes;
    for (std::size_t row = 0; row < 50; ++row) {
      journal.read(places[row], bytes);
      EXPECT_TRUE(std::ranges::equal(bytes, row_bytes(one.view(), spec, row)));
    }
    RecoveredRows recovered(directory, spec, kFingerprint, all_journals(), 1 << 20);
    EXPECT_EQ(recovered.rows(), 51U);
    EXPECT_EQ(found_of(recovered, one, spec), 50U);
    EXPECT_EQ(found_of(recovered, two, spec), 1U);
    EXPECT_EQ(found_of(recovered, other, spec), 0U);
    recovered.drop("shard");
    EXPECT_TRUE(directory.list(kRowsFolder).empty());
    EXPECT_EQ(found_of(recovered, one, spec), 50U) << "what is open can still be read";
  }
}

TEST(RowJournal, KeepsNoReadyVectors) {
  const OutputSpec spec = testing::sample_spec(OutputType::f32, 8, false, 0);
  TempFolder folder;
  const Directory directory(folder.path().string(), false);
  SampleRows rows = RowGenerator(spec, 2).make(10);
  rows.documents.records[4].kind = RecordKind::vector;
  std::vector<RowPlace> places;
  RowJournal(directory, "shard", kFingerprint).append(rows.view(), spec, places);
  EXPECT_EQ(places.size(), 10U);
  RecoveredRows recovered(directory, spec, kFingerprint, all_journals(), 1 << 20);
  EXPECT_EQ(found_of(recovered, rows, spec), 9U);
}

TEST(RowJournal, IsTakenUpToTheDamage) {
  const OutputSpec spec = testing::sample_spec(OutputType::f32, 2, false, 0);
  TempFolder folder;
  const Directory directory(folder.path().string(), false);
  RowGenerator generator(spec, 3);
  std::vector<SampleRows> blocks;
  std::vector<std::size_t> ends;
  RowJournal journal(directory, "unit-000001", kFingerprint);
  const std::string path = only_journal(directory);
  std::vector<RowPlace> places;
  for (int i = 0; i < 3; ++i) {
    blocks.push_back(generator.make(2));
    journal.append(blocks.back().view(), spec, places);
    ends.push_back(read_all(path).size());
  }
  const std::string whole = read_all(path);
  const auto recovered_rows = [&] {
    RecoveredRows recovered(directory, spec, kFingerprint,
                            {[](std::string_view) { return true; }, false}, 1 << 20);
    std::size_t found = 0;
    for (const SampleRows& block : blocks) found += found_of(recovered, block, spec);
    EXPECT_EQ(found, recovered.rows());
    return found;
  };
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    write_all(path, whole.substr(0, size));
    const auto blocks_whole = static_cast<std::size_t>(
        std::count_if(ends.begin(), ends.end(), [&](std::size_t end) { return end <= size; }));
    ASSERT_EQ(recovered_rows(), 2 * blocks_whole) << "cut at " << size;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x20);
    write_all(path, flipped);
    const auto before = static_cast<std::size_t>(
        std::count_if(ends.begin(), ends.end(), [&](std::size_t end) { return end <= at; }));
    ASSERT_EQ(recovered_rows(), 2 * before) << "flipped at " << at;
  }
}

TEST(RowJournal, OfOtherRowsIsNotTaken) {
  const OutputSpec spec = testing::sample_spec(OutputType::f32, 8, false, 0);
  TempFolder folder;
  const Directory directory(folder.path().string(), false);
  const SampleRows rows = RowGenerator(spec, 4).make(5);
  std::vector<RowPlace> places;
  RowJournal(directory, "unit-000001", kFingerprint).append(rows.view(), spec, places);
  const JournalChoice second{[](std::string_view piece) { return piece == "unit-000002"; }, false};
  EXPECT_EQ(RecoveredRows(directory, spec, kFingerprint, second, 1 << 20).rows(), 0U);
  const JournalChoice shared{[](std::string_view) { return true; }, false};
  EXPECT_EQ(RecoveredRows(directory, spec, {3, 5}, shared, 1 << 20).rows(), 0U);
  EXPECT_EQ(directory.list(kRowsFolder).size(), 1U);
  EXPECT_EQ(RecoveredRows(directory, spec, {3, 5}, all_journals(), 1 << 20).rows(), 0U);
  EXPECT_TRUE(directory.list(kRowsFolder).empty()) << "of no use to anybody";
}

/// A block's hash is no secret: whoever can write the file can make one that fits.
void seal(std::string& file) {
  constexpr std::size_t kHead = 24 + 32;
  const std::uint64_t bytes = file.size() - kHead;
  const Hash128 hash = hash128(file.data() + kHead, bytes);
  std::memcpy(&file[24 + 8], &bytes, sizeof(bytes));
  std::memcpy(&file[24 + 16], &hash, sizeof(hash));
}

TEST(RowJournal, HoldsNoRowThatTheOutputCouldNotHave) {
  std::mt19937_64 random(11);
  for (const OutputSpec& spec : all_specs()) {
    TempFolder folder;
    const Directory directory(folder.path().string(), false);
    const SampleRows rows = RowGenerator(spec, 5).make(6);
    std::vector<RowPlace> places;
    RowJournal(directory, "shard", kFingerprint).append(rows.view(), spec, places);
    const std::string path = only_journal(directory);
    const std::string whole = read_all(path);
    for (int round = 0; round < 60; ++round) {
      std::string hostile = whole;
      for (int i = 0; i < 3; ++i) {
        const std::size_t at = 24 + random() % (hostile.size() - 24);
        hostile[at] = static_cast<char>(random());
      }
      if (round % 3 == 0) hostile.resize(24 + 32 + random() % (hostile.size() - 56));
      seal(hostile);
      write_all(path, hostile);
      RecoveredRows recovered(directory, spec, kFingerprint,
                              {[](std::string_view) { return true; }, false}, 1 << 20);
      ReusedRows found;
      const auto hashes = hashes_of(rows);
      found.clear(hashes.size());
      recovered.find(hashes, found);
      for (const ReusedRows::Row& row : found.rows) {
        if (spec.kind == RowKind::dense) {
          ASSERT_EQ(row.count, 1U);
        }
        if (spec.kind != RowKind::sparse) continue;
        for (const SparseEntry& entry : found.weights_of(row)) {
          ASSERT_GE(entry.token, 0);
          ASSERT_LT(static_cast<std::size_t>(entry.token), spec.dims);
        }
      }
    }
  }
}

TEST(RowJournal, TakesNoMoreKeysThanMemoryAllows) {
  const OutputSpec spec = testing::sample_spec(OutputType::f32, 8, false, 0);
  TempFolder folder;
  const Directory directory(folder.path().string(), false);
  const SampleRows rows = RowGenerator(spec, 6).make(500);
  std::vector<RowPlace> places;
  RowJournal(directory, "shard", kFingerprint).append(rows.view(), spec, places);
  const RecoveredRows recovered(directory, spec, kFingerprint, all_journals(), 16 << 10);
  EXPECT_GT(recovered.rows(), 10U);
  EXPECT_LT(recovered.rows(), 200U);
}

/// A process that is done with a journal, and removes it just as another opens what it has listed.
class RemovesOnOpening final : public FileOps {
 public:
  int open_at(int dir, const char* name, int flags, mode_t mode) override {
    if (std::string_view(name).starts_with("unit-")) unlink_at(dir, name);
    return FileOps::open_at(dir, name, flags, mode);
  }
};

TEST(RowJournal, MayVanishOnceListed) {
  const OutputSpec spec = testing::sample_spec(OutputType::f32, 8, false, 0);
  TempFolder folder;
  RemovesOnOpening ops;
  const Directory directory(folder.path().string(), false, ops);
  const SampleRows rows = RowGenerator(spec, 8).make(5);
  std::vector<RowPlace> places;
  RowJournal(directory, "unit-000001", kFingerprint).append(rows.view(), spec, places);
  EXPECT_EQ(directory.list(kRowsFolder).size(), 1U);
  const RecoveredRows recovered(directory, spec, kFingerprint, all_journals(), 1 << 20);
  EXPECT_EQ(recovered.rows(), 0U);
  EXPECT_TRUE(directory.list(kRowsFolder).empty());
}

}  // namespace
}  // namespace embedtool
