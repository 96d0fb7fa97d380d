#include "formats/io/external_sort.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "tests/support/temp_folder.hpp"

namespace embedtool {
namespace {

std::vector<std::string> random_records(std::size_t count, std::size_t longest) {
  std::mt19937_64 random(count);
  std::vector<std::string> records(count);
  for (std::string& record : records) {
    // Few different bytes, so that beginnings agree; zeros and bytes above 127 too.
    record.resize(random() % (longest + 1));
    for (char& c : record) c = "\0a\xff"[random() % 3];
  }
  return records;
}

std::vector<std::string> sorted(ExternalSort& sort) {
  std::vector<std::string> out;
  while (const auto record = sort.next()) out.emplace_back(*record);
  EXPECT_FALSE(sort.next().has_value());
  return out;
}

void expect_sorted(std::size_t count, std::size_t longest, std::size_t memory) {
  testing::TempFolder folder;
  std::vector<std::string> records = random_records(count, longest);
  ExternalSort sort(folder.path().string(), memory);
  for (const std::string& record : records) sort.add(record);
  EXPECT_EQ(sort.size(), count);
  std::sort(records.begin(), records.end(), [](const std::string& a, const std::string& b) {
    return std::string_view(a) < std::string_view(b);
  });
  EXPECT_EQ(sorted(sort), records);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "scratch files have names";
}

TEST(ExternalSort, SortsInMemory) {
  expect_sorted(0, 10, 1 << 20);
  expect_sorted(1, 10, 1 << 20);
  expect_sorted(1000, 30, 1 << 20);
}

TEST(ExternalSort, SortsRunsOnDisk) {
  expect_sorted(60'000, 30, 1 << 20);
  expect_sorted(1000, 3000, 1 << 20);
}

TEST(ExternalSort, MergesMoreRunsThanMayBeOpen) {
  expect_sorted(1'000, 200'000, 1 << 20);
}

TEST(ExternalSort, TakesARecordThatIsLargerThanItsMemory) {
  testing::TempFolder folder;
  ExternalSort sort(folder.path().string(), 0);
  const std::string large(3 << 20, 'x');
  for (const std::string& record : {large, std::string("y"), std::string(), large})
    sort.add(record);
  EXPECT_EQ(sorted(sort), (std::vector<std::string>{"", large, large, "y"}));
}

TEST(ExternalSort, SaysWhereItsScratchFileCannotBe) {
  EXPECT_THROW(ScratchFile("/nowhere/at/all"), Error);
}

}  // namespace
}  // namespace embedtool
