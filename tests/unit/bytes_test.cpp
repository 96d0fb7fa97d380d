#include "formats/io/bytes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "core/base/error.hpp"
#include "formats/io/bytes_utf8.hpp"
#include "formats/io/bytes_window.hpp"
#include "tests/support/corpus_testing.hpp"
#include "tests/support/fed_pipe.hpp"
#include "tests/support/packing.hpp"

namespace embedtool {
namespace {

using testing::FedPipe;
using testing::gzip;
using ::testing::HasSubstr;
using testing::TempFolder;
using testing::zstd;
using testing::zstd_skippable;

/// All bytes of a file through a ByteStream, `step` at a time.
std::string unpack(const std::string& path, ByteCounters& counters, std::size_t step = 7) {
  ByteStream stream(path, counters);
  std::string all;
  std::string part(step, '\0');
  while (true) {
    const ReadResult got = stream.read(part, Wait::yes);
    if (got.end) return all;
    all.append(part, 0, got.size);
  }
}

std::string unpack_bytes(std::string_view bytes, std::size_t step = 7) {
  const TempFolder folder;
  ByteCounters counters;
  return unpack(folder.write("input", bytes), counters, step);
}

std::string error_of(std::string_view bytes) {
  try {
    unpack_bytes(bytes);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    return error.what();
  }
  return "";
}

std::string sample() {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "line " + std::to_string(i * 7919 % 1009) + "\n";
  return text;
}

TEST(ByteStream, UnpacksByMagicWhateverTheName) {
  const std::string text = sample();
  for (const std::size_t step : {1U, 7U, 4096U, 1000000U}) {
    EXPECT_EQ(unpack_bytes(text, step), text);
    EXPECT_EQ(unpack_bytes(gzip(text), step), text);
    EXPECT_EQ(unpack_bytes(zstd(text), step), text);
  }
}

TEST(ByteStream, ReadsConcatenatedMembersAndFrames) {
  const std::string text = sample();
  EXPECT_EQ(unpack_bytes(gzip(text) + gzip("") + gzip("tail")), text + "tail");
  EXPECT_EQ(unpack_bytes(zstd(text) + zstd("") + zstd("tail")), text + "tail");
  const std::string skip = zstd_skippable("seek table");
  EXPECT_EQ(unpack_bytes(skip + zstd("a") + skip + skip + zstd("b") + skip), "ab");
}

TEST(ByteStream, SkipsZeroPaddingAfterGzip) {
  EXPECT_EQ(unpack_bytes(gzip("text") + std::string(1000, '\0')), "text");
  EXPECT_THAT(error_of(gzip("text") + std::string(10, '\0') + "x"), HasSubstr("garbage"));
}

TEST(ByteStream, ShortAndEmptyInputsArePlain) {
  for (const std::string_view bytes : {"", "P", "\x1f", "\x28\xb5", "\x28\xb5\x2f", "S*M"}) {
    EXPECT_EQ(unpack_bytes(bytes), bytes);
  }
}

TEST(ByteStream, TruncationAnywhereIsAnErrorNamingFileAndOffset) {
  for (const std::string& packed : {gzip("some text to pack"), zstd("some text to pack")}) {
    for (std::size_t size = 4; size < packed.size(); ++size) {
      const std::string message = error_of(std::string_view(packed).substr(0, size));
      EXPECT_THAT(message, HasSubstr("/input: "));
      EXPECT_THAT(message, HasSubstr("data stops at byte " + std::to_string(size)));
    }
  }
}

TEST(ByteStream, CorruptionIsAnErrorNamingFileAndOffset) {
  for (std::string packed : {gzip(sample()), zstd(sample())}) {
    packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x55);
    const std::string message = error_of(packed);
    EXPECT_THAT(message, HasSubstr("/input: corrupt"));
    EXPECT_THAT(message, HasSubstr("byte "));
  }
  EXPECT_THAT(error_of(gzip("a") + "garbage"), HasSubstr("corrupt gzip"));
  EXPECT_THAT(error_of(zstd("a") + "garbage"), HasSubstr("corrupt zstd"));
}

TEST(ByteStream, RefusesAZstdWindowOverTheCap) {
  const std::string text(1000, 'a');
  EXPECT_EQ(unpack_bytes(zstd(text, 27)), text);
  EXPECT_THAT(error_of(zstd(text, 28)), HasSubstr("memory"));
}

TEST(ByteStream, CountsPackedAndUnpackedBytes) {
  const TempFolder folder;
  const std::string packed = zstd(sample());
  ByteCounters counters;
  unpack(folder.write("input", packed), counters);
  EXPECT_EQ(counters.packed.load(), packed.size());
  EXPECT_EQ(counters.unpacked.load(), sample().size());
}

TEST(ByteStream, NamesWhatCannotBeOpened) {
  const TempFolder folder;
  EXPECT_THROW(inspect_input(folder / "missing"), Error);
  try {
    inspect_input(folder / "");
    FAIL() << "a folder was taken for a file";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("is a folder"));
  }
  const InputFacts facts = inspect_input(folder.write("five", "12345"));
  EXPECT_TRUE(facts.regular);
  EXPECT_EQ(facts.size, 5U);
  EXPECT_GT(facts.modified_ns, 0);
}

void pause() {
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

TEST(ByteStream, ReportsThatNothingIsWaiting) {
  std::atomic<bool> go{false};
  const FedPipe pipe([&](const FedPipe::Write& write) {
    write("ab");
    while (!go) pause();
    write("c");
  });
  ByteCounters counters;
  ByteStream stream(pipe.path(), counters);
  std::string buffer(8, '\0');
  EXPECT_EQ(stream.read(buffer, Wait::yes).size, 2U);
  EXPECT_TRUE(stream.read(buffer, Wait::no).blocked());
  go = true;
  EXPECT_EQ(stream.read(buffer, Wait::yes).size, 1U);
  EXPECT_TRUE(stream.read(buffer, Wait::yes).end);
}

TEST(ByteStream, ReadsAPackedPipeInDribbles) {
  const FedPipe pipe([&](const FedPipe::Write& write) {
    for (const char c : zstd("some text")) write({&c, 1});
  });
  ByteCounters counters;
  EXPECT_EQ(unpack(pipe.path(), counters), "some text");
}

TEST(ByteStream, StopEndsAWaitForAPipe) {
  std::atomic<bool> stop{false};
  const FedPipe pipe([&](const FedPipe::Write& write) {
    write("a");
    pause();
    stop = true;
    while (stop) pause();  // the pipe stays open
  });
  ByteCounters counters;
  ByteStream stream(pipe.path(), counters, &stop);
  std::string buffer(8, '\0');
  EXPECT_EQ(stream.read(buffer, Wait::yes).size, 1U);
  EXPECT_TRUE(stream.read(buffer, Wait::yes).blocked());
  stop = false;
}

TEST(ByteStream, SurvivesInterruptedCalls) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) {};  // no SA_RESTART: calls return EINTR
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  const pthread_t target = ::pthread_self();
  {
    const FedPipe pipe([&](const FedPipe::Write& write) {
      for (int i = 0; i < 5; ++i) {
        pause();
        ::pthread_kill(target, SIGUSR1);
      }
      write("late");
    });
    ByteCounters counters;
    EXPECT_EQ(unpack(pipe.path(), counters), "late");
  }
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST(LineReader, LinesAreTheSameForEveryBufferSize) {
  const TempFolder folder;
  const std::string path =
      folder.write("input", "one\n\nthree\r\n" + std::string(40, 'x') + "\nend");
  const std::vector<std::string> expected{"one", "", "three\r", "TOO LONG xxxxxxxxxxxxxxxxxxxx",
                                          "end"};
  for (std::size_t base = 1; base <= 80; ++base) {
    ByteCounters counters;
    ByteStream stream(path, counters);
    ByteWindow window(stream, base, 21);
    LineReader lines(window, 20);
    std::vector<std::string> got;
    std::string_view line;
    for (auto s = lines.next(Wait::yes, line); s != LineReader::Status::end;
         s = lines.next(Wait::yes, line)) {
      got.push_back((s == LineReader::Status::too_long ? "TOO LONG " : "") + std::string(line));
      EXPECT_EQ(lines.number(), got.size());
    }
    EXPECT_EQ(got, expected) << "buffer of " << base;
  }
}

TEST(Utf8, PrefixAgreesWithTheLibraryOnAllShortSequences) {
  // Every sequence of up to three bytes from values at the edges of the ranges of table 3-7.
  const std::string edges(
      "\x00\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef"
      "\xf0\xf1\xf3\xf4\xf5\xff",
      24);
  std::size_t valid = 0;
  for (const char a : edges) {
    for (const char b : edges) {
      for (const char c : edges) {
        for (const char d : edges) {
          const std::string s{a, b, c, d};
          EXPECT_EQ(is_utf8(s), valid_utf8_prefix(s) == s.size());
          valid += is_utf8(s) ? 1 : 0;
        }
      }
    }
  }
  EXPECT_GT(valid, 0U);
}

TEST(Utf8, EscapesWhatIsNotText) {
  std::string out;
  append_escaped(out, "a\\b\xff\xc3\xa9\xe2\x82", 256);
  EXPECT_EQ(out, "a\\\\b\\xff\xc3\xa9\\xe2\\x82");
  out.clear();
  append_escaped(out, "\xc3\xa9\xc3\xa9", 3);
  EXPECT_EQ(out, "\xc3\xa9\\xc3");
}

}  // namespace
}  // namespace embedtool
