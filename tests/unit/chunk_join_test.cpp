// Rows of chunks that become one row of each document.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "core/pipeline/chunk_join.hpp"

namespace embedtool {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::Pointwise;

/// Keeps what it gets.
class Kept final : public EmbeddingSink {
 public:
  void write(const EmbeddingBlock& block) override {
    ++writes;
    for (std::size_t i = 0; i < block.rows.size(); ++i) {
      const RowInfo& row = block.rows[i];
      const Record& record = block.documents->records[row.record];
      ids.emplace_back(block.documents->id(record));
      kept.emplace_back(block.documents->string(block.documents->kept[row.record]));
      rows.push_back(row);
      const auto bytes = block.vectors_of(i, 2 * sizeof(float));
      std::vector<float>& vector = vectors.emplace_back(2);
      std::memcpy(vector.data(), bytes.data(), bytes.size());
    }
    end = block.documents->end;
  }
  void finish() override { finished = true; }
  std::uint64_t bytes_written() const override { return 0; }
  std::uint64_t bytes_raw() const override { return 0; }

  std::vector<std::string> ids, kept;
  std::vector<RowInfo> rows;
  std::vector<std::vector<float>> vectors;
  std::uint64_t end = 0;
  int writes = 0;
  bool finished = false;
};

/// Rows of chunks, one window's.
class Rows {
 public:
  Rows& add(const std::string& id, std::uint32_t index, std::uint32_t count, std::uint32_t tokens,
            std::vector<float> vector) {
    ChunkPlace place;
    place.document = documents_.append(id);
    place.index = index;
    place.count = count;
    documents_.chunks.push_back(place);
    documents_.kept.push_back(documents_.append("kept of " + id));
    Record record;
    record.id = documents_.append(id + "#" + std::to_string(index));
    RowInfo row;
    row.record = static_cast<std::uint32_t>(documents_.records.size());
    row.n_tokens = tokens;
    row.text_hash = hash128(documents_.id(record));
    documents_.records.push_back(record);
    rows_.push_back(row);
    vectors_.insert(vectors_.end(), vector.begin(), vector.end());
    return *this;
  }
  EmbeddingBlock block(std::uint64_t end) {
    documents_.end = end;
    return {&documents_, rows_, std::as_bytes(std::span<const float>(vectors_)), {}, {}, {}};
  }
  const RowInfo& row(std::size_t i) const { return rows_[i]; }

 private:
  DocumentBlock documents_;
  std::vector<RowInfo> rows_;
  std::vector<float> vectors_;
};

OutputSpec two_dims() {
  OutputSpec spec;
  spec.dims = 2;
  spec.kept_fields = {{"kept"}};
  return spec;
}

ChunkOptions joined_by(ChunkJoin join, bool normalize = true) {
  ChunkOptions options;
  options.join = join;
  options.normalize = normalize;
  return options;
}

TEST(ChunkJoiner, WeightsTheMeanByTokensAndNormalizesIt) {
  Kept kept;
  ChunkJoiner joiner(kept, two_dims(), joined_by(ChunkJoin::mean));
  Rows rows;
  rows.add("a", 0, 2, 30, {1, 0}).add("a", 1, 2, 40, {0, 1}).add("b", 0, 1, 7, {0.6F, 0.8F});
  joiner.write(rows.block(2));
  joiner.finish();
  EXPECT_TRUE(kept.finished);
  EXPECT_THAT(kept.ids, ElementsAre("a", "b"));
  EXPECT_THAT(kept.kept, ElementsAre("kept of a", "kept of b"));
  EXPECT_THAT(kept.vectors[0], Pointwise(FloatEq(), {0.6F, 0.8F}));
  EXPECT_EQ(kept.rows[0].n_tokens, 70U);
  // One chunk is its document.
  EXPECT_EQ(kept.vectors[1], (std::vector<float>{0.6F, 0.8F}));
  EXPECT_EQ(kept.rows[1].text_hash, rows.row(2).text_hash);
  EXPECT_NE(kept.rows[0].text_hash, rows.row(0).text_hash);
  EXPECT_EQ(joiner.rows(), 2U);
  EXPECT_EQ(kept.end, 2U);
}

TEST(ChunkJoiner, TakesTheLargestValues) {
  Kept kept;
  ChunkJoiner joiner(kept, two_dims(), joined_by(ChunkJoin::max, false));
  Rows rows;
  rows.add("a", 0, 3, 3, {-3, -2}).add("a", 1, 3, 5, {-1, -4}).add("a", 2, 3, 1, {-2, -9});
  joiner.write(rows.block(1));
  EXPECT_EQ(kept.vectors[0], (std::vector<float>{-1, -2}));
  EXPECT_EQ(kept.rows[0].n_tokens, 9U);
}

// A document may begin in one window and end in another.
TEST(ChunkJoiner, JoinsAcrossBlocks) {
  Kept kept;
  ChunkJoiner joiner(kept, two_dims(), joined_by(ChunkJoin::mean, false));
  Rows first;
  first.add("a", 0, 3, 1, {1, 1});
  joiner.write(first.block(0));
  Rows second;
  second.add("a", 1, 3, 1, {3, 5});
  joiner.write(second.block(0));
  EXPECT_EQ(kept.writes, 0) << "nothing is complete yet";
  Rows third;
  third.add("a", 2, 3, 2, {4, 1}).add("b", 0, 2, 1, {0, 0});
  joiner.write(third.block(1));
  EXPECT_THAT(kept.ids, ElementsAre("a"));
  EXPECT_THAT(kept.vectors[0], Pointwise(FloatEq(), {3, 2}));
  EXPECT_EQ(joiner.rows(), 1U);
}

}  // namespace
}  // namespace embedtool
