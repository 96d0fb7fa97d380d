#include "formats/hub/partial_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>

#include "formats/hub/file_lock.hpp"
#include "formats/io/durable_file.hpp"
#include "tests/support/temp_folder.hpp"

namespace embedtool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kHello = "ce013625030ba8dba906f756967f9e9ca394464a";  // git's name of "hello\n"

/// The number of a process that is no more.
pid_t dead_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

class PartialFiles : public ::testing::Test {
 protected:
  std::string leave(const std::string& host, pid_t process, const std::string& bytes,
                    std::int64_t age = 0) {
    const std::string path = folder_.write(
        fmt::format("{}.{}-{}-{:08x}.embedtool", kHello, host, process, bytes.size()), bytes);
    const timespec time{std::time(nullptr) - age, 0};
    const timespec times[] = {time, time};
    ::utimensat(AT_FDCWD, path.c_str(), times, 0);
    return path;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      out.push_back(entry.path().filename().string());
    }
    return out;
  }
  std::string folder() const { return folder_.path().string(); }

  testing::TempFolder folder_;
};

TEST_F(PartialFiles, BecomeTheFileWhenTheyAreRight) {
  {
    PartialFile file(folder(), kHello);
    file.append("hel");
    EXPECT_FALSE(file.is_right());
    file.append("lo\n");
    EXPECT_TRUE(file.is_right());
    file.publish(folder_ / kHello);
  }
  EXPECT_THAT(names(), ElementsAre(kHello));
  EXPECT_EQ(testing::read_file(folder_ / kHello), "hello\n");
}

TEST_F(PartialFiles, StayForTheNextUnlessTheyAreEmpty) {
  { PartialFile empty(folder(), kHello); }
  EXPECT_THAT(names(), IsEmpty());
  { PartialFile(folder(), kHello).append("hel"); }
  EXPECT_EQ(partial_bytes(folder(), kHello), 3U);
  PartialFile next(folder(), kHello);
  EXPECT_EQ(next.size(), 3U);
  next.restart();
  EXPECT_EQ(next.size(), 0U);
  next.append("hello\n");
  EXPECT_TRUE(next.is_right());
}

TEST_F(PartialFiles, OfTheDeadAreTakenOverTheLargestFirst) {
  leave(host_name(), dead_process(), "h");
  leave(host_name(), dead_process(), "hell");
  leave("other", 1, "he", 3600);
  PartialFile file(folder(), kHello);
  EXPECT_EQ(file.size(), 4U);
  file.append("o\n");
  file.publish(folder_ / kHello);
  EXPECT_THAT(names(), ElementsAre(kHello));  // what others left is of no more use
}

TEST_F(PartialFiles, OfTheLivingAreLeft) {
  leave(host_name(), ::getppid(), "hello");
  leave("other", 1, "hello", 5);
  folder_.write(kHello + ".incomplete", "hello");  // of Python
  PartialFile file(folder(), kHello);
  EXPECT_EQ(file.size(), 0U);
  file.append("hello\n");
  file.publish(folder_ / kHello);
  EXPECT_EQ(names().size(), 4U);
}

TEST_F(PartialFiles, TellWhenBytesCameLast) {
  EXPECT_EQ(last_progress(folder(), kHello), 0);
  leave("other", 1, "he", 100);
  EXPECT_NEAR(static_cast<double>(last_progress(folder(), kHello)),
              static_cast<double>(std::time(nullptr) - 100), 5.0);
}

TEST(FileLocks, ExcludeEachOtherUntilPatienceEnds) {
  const testing::TempFolder folder;
  int asked = 0;
  {
    const FileLock first(folder / "x.lock", [] { return false; });
    const FileLock second(folder / "x.lock", [&asked] { return ++asked < 3; });
    EXPECT_EQ(asked, 3);
  }
  const FileLock third(folder / "x.lock", [&asked] { return ++asked < 0; });
  EXPECT_EQ(asked, 3);
  const FileLock nowhere(folder / "absent/x.lock", [] { return false; });  // as if it were taken
}

}  // namespace
}  // namespace embedtool
