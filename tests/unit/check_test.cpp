#include "core/base/check.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "core/base/memory.hpp"
#include "core/data.hpp"
#include "core/math/attention.hpp"
#include "core/text/vocabulary.hpp"

namespace embedtool {
namespace {

#ifdef EMBEDTOOL_CHECKS

TEST(CheckDeathTest, AFailureNamesItsPlaceAndItsCondition) {
  const int two = 2;
  EXPECT_DEATH(EMBEDTOOL_CHECK(two + two == 5),
               R"(check_test\.cpp:[0-9]+: check failed: two \+ two == 5)");
}

TEST(CheckDeathTest, KeyHeadsDivideTheHeads) {
  const std::vector<float> rows(std::size_t{4} * 5 * 8);
  std::vector<float> out(std::size_t{4} * 5 * 8);
  Buffer<std::byte> scratch(attention_scratch_bytes(4, 8));
  AttentionArgs args{};
  args.query = args.key = args.value = rows.data();
  args.stride = args.out_stride = std::size_t{5} * 8;
  args.length = 4;
  args.heads = 5;
  args.head_dim = 8;
  args.scale = 1.0F;
  args.out = out.data();
  args.kv_heads = 1;
  attention(args, scratch.data());
  EXPECT_DEATH(attention(args, scratch.data() + 4), "is_aligned");
  args.kv_heads = 2;
  EXPECT_DEATH(attention(args, scratch.data()), "kv_heads");
}

TEST(CheckDeathTest, ABatchIsClearedBeforeItsFirstSequence) {
  BatchBuilder batch;
  const std::array<TokenId, 2> ids{1, 2};
  EXPECT_DEATH(batch.append(ids), "offsets_");
  batch.clear();
  batch.append(ids);
  EXPECT_EQ(batch.batch().size(), 1U);
}

TEST(CheckDeathTest, ASliceLiesWithinItsBlock) {
  DocumentBlock block;
  const Slice slice = block.append("text");
  EXPECT_EQ(block.string(slice), "text");
  EXPECT_DEATH(block.string({slice.offset + 1, slice.size}), "bytes.size");
  EXPECT_DEATH(block.string(Slice::null()), "bytes.size");
}

TEST(CheckDeathTest, AVocabularyIsFinishedOnceItIsWhole) {
  Vocabulary vocabulary;
  vocabulary.add("a", 0);
  EXPECT_DEATH(vocabulary.token(0), "by_id_");
  vocabulary.finish();
  EXPECT_EQ(vocabulary.token(0), "a");
  EXPECT_DEATH(vocabulary.add("b", 1), "by_id_");
}

#else

TEST(Check, IsNotEvaluatedInReleaseBuilds) {
  int evaluated = 0;
  EMBEDTOOL_CHECK(++evaluated > 1);
  EXPECT_EQ(evaluated, 0);
}

#endif

}  // namespace
}  // namespace embedtool
