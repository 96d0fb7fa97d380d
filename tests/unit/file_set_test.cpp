#include "formats/io/file_set.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

class FileSetTest : public ::testing::Test {
 protected:
  FileSetTest() {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("file_set_" + std::to_string(::getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_ / "1_Pooling");
    std::ofstream(folder_ / "a.txt") << "alpha";
    std::ofstream(folder_ / "empty.txt");
    std::ofstream(folder_ / "1_Pooling" / "config.json") << "{}";
  }
  ~FileSetTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(FileSetTest, FindsFilesOfAFolder) {
  const DirectoryFileSet files(folder_.string());
  ASSERT_TRUE(files.find("a.txt"));
  EXPECT_EQ(as_chars(*files.find("a.txt")), "alpha");
  EXPECT_EQ(files.find("a.txt")->data(), files.find("a.txt")->data());  // mapped once
  EXPECT_EQ(as_chars(*files.find("1_Pooling/config.json")), "{}");
  ASSERT_TRUE(files.find("empty.txt"));
  EXPECT_TRUE(files.find("empty.txt")->empty());
  EXPECT_FALSE(files.find("absent.txt"));
  EXPECT_FALSE(files.find("absent/config.json"));
  EXPECT_EQ(files.describe(), folder_.string());
}

/// Bytes of the pages that hold `bytes` and are mapped to memory, as the kernel says.
std::size_t resident_bytes(std::span<const std::byte> bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  std::ifstream maps("/proc/self/smaps");
  std::size_t kib = 0;
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t from = 0;
    std::uintptr_t to = 0;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR, &from, &to) == 2) {
      inside = from <= begin && begin < to;
    } else if (inside && line.starts_with("Rss:")) {
      std::sscanf(line.c_str(), "Rss: %zu", &kib);
    }
  }
  return kib * 1024;
}

TEST_F(FileSetTest, ReleasedBytesLeaveMemoryAndStayValid) {
  constexpr std::size_t kSize = std::size_t{1} << 20U;
  std::string content(kSize + 100, 'x');
  for (std::size_t i = 0; i < content.size(); i += 4096)
    content[i] = static_cast<char>('a' + i % 23);
  std::ofstream(folder_ / "large") << content;
  const DirectoryFileSet files(folder_.string());
  const auto bytes = *files.find("large");
  EXPECT_EQ(as_chars(bytes), content);
  if (resident_bytes(bytes) < kSize) GTEST_SKIP() << "the kernel does not tell what is resident";
  files.release(bytes);
  EXPECT_LT(resident_bytes(bytes), kSize / 4);
  EXPECT_EQ(as_chars(bytes), content);
  // Less than a page, and nothing at all.
  files.release(bytes.subspan(10, 20));
  files.release({});
  EXPECT_EQ(as_chars(bytes), content);
}

TEST_F(FileSetTest, RefusesWhatIsNotAFileOfTheFolder) {
  const DirectoryFileSet files((folder_ / "1_Pooling").string());
  EXPECT_THROW(files.find("../a.txt"), Error);
  EXPECT_THROW(files.find("x/../../a.txt"), Error);
  EXPECT_THROW(files.find((folder_ / "a.txt").string()), Error);
  EXPECT_THROW(files.find(""), Error);
  EXPECT_THROW(DirectoryFileSet(folder_.string()).find("1_Pooling"), Error);
  EXPECT_THROW(DirectoryFileSet((folder_ / "a.txt").string()), Error);
}

TEST(MemoryFileSet, FindsWhatWasAdded) {
  const std::string text = "alpha";
  MemoryFileSet files("builtin");
  files.add("a/b.txt", std::as_bytes(std::span(text)));
  ASSERT_TRUE(files.find("a/b.txt"));
  EXPECT_EQ(as_chars(*files.find("a/b.txt")), "alpha");
  EXPECT_FALSE(files.find("a"));
  EXPECT_THROW(files.find("../a"), Error);
}

}  // namespace
}  // namespace embedtool
