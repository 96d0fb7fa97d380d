#include "formats/io/durable_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>

#include "core/base/error.hpp"
#include "formats/io/fd_sink.hpp"
#include "tests/support/output_testing.hpp"

namespace embedtool {
namespace {

using testing::FaultyOps;
using ::testing::HasSubstr;
using testing::read_file;
using testing::TempFolder;
using testing::write_file;

template <typename Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    return error.what();
  }
  ADD_FAILURE() << "no Error";
  return {};
}

TEST(DurableFile, AppearsOnlyWhenPublished) {
  const TempFolder scratch;
  const Directory directory(scratch / "out", true);
  {
    DurableFile file(directory, "a");
    file.write("hello ");
    file.write("world");
    EXPECT_FALSE(std::filesystem::exists(scratch / "out/a"));
    const FileDigest digest = file.publish();
    EXPECT_EQ(digest.bytes, 11U);
    EXPECT_EQ(digest.hash, hash128("hello world"));
  }
  EXPECT_EQ(read_file(scratch / "out/a"), "hello world");
  EXPECT_EQ(directory.list(), std::vector<std::string>{"a"});
}

TEST(DurableFile, DroppedLeavesNothing) {
  const TempFolder scratch;
  const Directory directory(scratch / "out", true);
  {
    DurableFile file(directory, "a");
    file.write("half");
  }
  EXPECT_TRUE(directory.list().empty());
}

TEST(DurableFile, SurvivesShortWritesAndInterruptions) {
  const TempFolder scratch;
  FaultyOps ops(1000000);
  ops.short_writes = true;
  ops.interrupts = true;
  const Directory directory(scratch / "out", true, ops);
  DurableFile file(directory, "a");
  file.write("0123456789");
  file.patch(2, std::as_bytes(std::span("XYZ", 3)));
  const FileDigest digest = file.publish();
  EXPECT_EQ(read_file(scratch / "out/a"), "01XYZ56789");
  EXPECT_EQ(digest.hash, hash128("01XYZ56789"));
}

TEST(DurableFile, NamesFileAndCauseOfAFullDisk) {
  const TempFolder scratch;
  write_file(scratch / "x", "");
  FaultyOps ops(3, ENOSPC);  // open directory, remove and create the file, then no more
  const Directory directory(scratch / "", false, ops);
  DurableFile file(directory, "part");
  const std::string message = message_of([&] { file.write("data"); });
  EXPECT_THAT(message, HasSubstr("/part: cannot write: No space left on device"));
  EXPECT_THAT(message, HasSubstr("free some space"));
}

TEST(Directory, MakesMissingParents) {
  const TempFolder scratch;
  const Directory directory(scratch / "a/b/c/", true);
  directory.publish("f", "x");
  EXPECT_EQ(read_file(scratch / "a/b/c/f"), "x");
}

TEST(Directory, NeverFollowsALink) {
  const TempFolder scratch;
  write_file(scratch / "victim", "precious");
  const Directory directory(scratch / "out", true);
  std::filesystem::create_symlink(scratch / "victim", scratch / "out/link");
  EXPECT_THAT(message_of([&] { directory.read("link", 100); }), HasSubstr("symbolic link"));
  EXPECT_THAT(message_of([&] { directory.open_append("link"); }), HasSubstr("symbolic link"));
  // Publishing over a link replaces the link, not what it points to.
  directory.publish("link", "new");
  EXPECT_EQ(read_file(scratch / "victim"), "precious");
  EXPECT_EQ(read_file(scratch / "out/link"), "new");
  EXPECT_FALSE(std::filesystem::is_symlink(scratch / "out/link"));
  // Nor does it write through a second name of another file.
  std::filesystem::create_hard_link(scratch / "victim", scratch / "out/hard");
  EXPECT_THAT(message_of([&] { directory.open_append("hard"); }), HasSubstr("other hard links"));
  directory.publish("hard", "new");
  EXPECT_EQ(read_file(scratch / "victim"), "precious");
}

TEST(Directory, RefusesWhatIsNoFile) {
  const TempFolder scratch;
  const Directory directory(scratch / "out", true);
  ASSERT_EQ(::mkfifo((scratch / "out/pipe").c_str(), 0600), 0);
  EXPECT_THAT(message_of([&] { directory.read("pipe", 100); }), HasSubstr("not a regular file"));
  write_file(scratch / "out/big", std::string(5000, 'x'));
  EXPECT_THAT(message_of([&] { directory.read("big", 4999); }), HasSubstr("larger than 4999"));
  EXPECT_EQ(directory.read("big", 5000)->size(), 5000U);
  EXPECT_FALSE(directory.read("absent", 1).has_value());
}

TEST(FdSink, TellsAClosedPipeFromAFullDisk) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ::close(ends[0]);
  const auto old = std::signal(SIGPIPE, SIG_IGN);
  FdSink pipe(ends[1], "standard output");
  EXPECT_THROW(pipe.write(std::as_bytes(std::span("x", 1))), ClosedPipe);
  std::signal(SIGPIPE, old);
  ::close(ends[1]);
  const UniqueFd full(::open("/dev/full", O_WRONLY));
  ASSERT_TRUE(full);
  FdSink sink(full.get(), "standard output");
  EXPECT_THAT(message_of([&] { sink.write(std::as_bytes(std::span("x", 1))); }),
              HasSubstr("standard output: cannot write: No space left"));
}

}  // namespace
}  // namespace embedtool
