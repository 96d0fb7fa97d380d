// In steady state the reading of a corpus allocates nothing.
#include <gtest/gtest.h>

#include "tests/support/allocation_counter.hpp"
#include "tests/support/corpus_testing.hpp"

namespace embedtool {
namespace {

/// Reads `bytes`, and returns what was allocated in the second half of the reading.
std::size_t allocations_in_second_half(const std::string& bytes, const std::string& name,
                                       std::size_t records) {
  const testing::TempFolder folder;
  CorpusOptions options;
  options.inputs = {folder.write(name, bytes)};
  options.keep = {"k"};
  options.vector_field.assign(1, 'v');
  options.buffer_bytes = 4096;
  testing::RejectList rejects;
  const auto source = open_corpus(options, rejects);
  DocumentBlock block;
  std::size_t seen = 0;
  std::size_t before = 0;
  std::size_t after = 0;  // but for what the end of the input takes
  while (source->read(block, {100, 1 << 20})) {
    seen += block.records.size();
    if (before == 0 && seen >= records / 2) before = testing::allocations();
    if (seen < records) after = testing::allocations();
  }
  EXPECT_EQ(seen, records);
  EXPECT_EQ(rejects.rows.size(), 0U);
  return after - before;
}

TEST(CorpusAllocations, SteadyStateHasNone) {
  // The counter counts: else nothing below could fail.
  const std::size_t before = testing::allocations();
  ::operator delete(::operator new(1));  // no new-expression: that could be left out
  ASSERT_GT(testing::allocations(), before);

  std::string jsonl;
  std::string csv = "id,text,k\n";
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    const std::string word(static_cast<std::size_t>(i * 7 % 300), 'w');
    jsonl += R"({"id":"some-longer-identifier","text":"a \u00e9 )" + word + R"(","k":{"x": [1]}})" +
             "\n" + R"({"id":7,"title":"t","text":[")" + word + R"(","b"],"x":{"y":[1,2,{}]}})" +
             "\n" + R"({"input_ids":[1,2,3,4,5]})" + "\n" + R"({"v":[0.25,-1e-3]})" + "\n";
    csv += "an identifier that is not short,\"" + word + " \"\"q\"\"\n\",\"k\"\"\"\n";
    text += word + "\n";
  }
  // Generated ids are looked up among all ids, a table that doubles when it is full.
  EXPECT_LE(allocations_in_second_half(jsonl, "a.jsonl", 4000), 1U);
  EXPECT_EQ(allocations_in_second_half(csv, "a.csv", 1000), 0U);
  EXPECT_EQ(allocations_in_second_half(text, "a.txt", 1000), 0U);
}

}  // namespace
}  // namespace embedtool
