// Sentencepiece models that somebody made to break the library.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "core/base/error.hpp"
#include "core/text/models/sentencepiece_proto.hpp"
#include "core/text/normalize/charsmap.hpp"
#include "formats/tokenizer/tokenizer_files.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/tokenizer_cases.hpp"

namespace embedtool {
namespace {

using ::testing::HasSubstr;
using testing::own_data;
using testing::read_file;
using testing::shared_data;

/// A charsmap of 512 units, none a child of the root, and a pool of one empty replacement.
class Charsmap {
 public:
  Charsmap() : units_(512, 0x80000000U) { units_[0] = 256U << 10; }  // the root's base is 256

  /// The child of `base` for `c`, whose own base is `below`.
  Charsmap& child(std::uint32_t base, std::uint32_t c, std::uint32_t below, bool leaf) {
    const std::uint32_t unit = base ^ c;
    units_[unit] = ((unit ^ below) << 10) | (leaf ? 0x100U : 0U) | c;
    return *this;
  }
  Charsmap& value(std::uint32_t base, std::uint32_t v) {
    units_[base] = 0x80000000U | v;
    return *this;
  }
  Charsmap& raw(std::size_t unit, std::uint32_t bits) {
    units_[unit] = bits;
    return *this;
  }
  std::string fault(std::string_view pool = std::string_view("\0", 1)) const {
    const auto size = static_cast<std::uint32_t>(units_.size() * 4);
    std::string blob(4 + size, '\0');
    std::memcpy(blob.data(), &size, 4);
    std::memcpy(blob.data() + 4, units_.data(), size);
    return charsmap_fault(blob.append(pool));
  }

 private:
  std::vector<std::uint32_t> units_;
};

TEST(Charsmap, TakesSoundOnes) {
  EXPECT_EQ(charsmap_fault(""), "");
  EXPECT_EQ(Charsmap().fault(), "");
  EXPECT_EQ(Charsmap().child(256, 'a', 64, true).value(64, 0).fault(), "");
}

TEST(Charsmap, NamesWhatIsWrong) {
  EXPECT_EQ(charsmap_fault("abc"), "it is truncated");
  EXPECT_EQ(charsmap_fault(std::string("\xff\xff\xff\xff\0", 5)), "it is truncated");
  EXPECT_EQ(charsmap_fault(std::string("\0\0\0\0\0", 5)), "it is empty");
  EXPECT_THAT(Charsmap().fault("a"), HasSubstr("not terminated"));
  EXPECT_THAT(Charsmap().raw(0, 0x1FFFFFU << 10).fault(), HasSubstr("points outside"));
  EXPECT_THAT(Charsmap().child(256, 'a', 1024, false).fault(), HasSubstr("points outside"));
  EXPECT_THAT(Charsmap().child(256, 'a', 64, true).value(64, 1).fault(), HasSubstr("outside"));
  EXPECT_THAT(Charsmap().child(256, 'a', 256, false).fault(), HasSubstr("cycle"));
}

TEST(Charsmap, BoundsTheResultsOfOneWalk) {
  Charsmap deep;
  std::uint32_t base = 256;
  for (std::uint32_t i = 1; i <= 33; ++i) {  // unit 0 is the root
    deep.child(base, 'a', i, true).value(i, 0);
    base = i;
  }
  EXPECT_THAT(deep.fault(), HasSubstr("too many"));
}

TEST(SentencePieceModel, RealOnesPass) {
  const auto data = shared_data();
  if (data.empty()) GTEST_SKIP() << "no shared data";
  for (const char* name :
       {"t5-small/spiece.model", "xlnet/spiece.model", "barthez/sentencepiece.bpe.model",
        "sentencepiece-test/test_ja_model.model", "bpemb/en.wiki.bpe.vs10000.model"}) {
    const std::string model = read_file(data / "tokenizers" / name);
    const SentencePieceFacts facts = inspect_sentencepiece(std::as_bytes(std::span(model)));
    EXPECT_EQ(facts.fault, "") << name;
    EXPECT_GT(facts.pieces.size(), 1000U);
  }
}

TEST(SentencePieceModel, DamagedOnesAreRefusedOrWork) {
  const std::string model = read_file(own_data("tiny_unigram.model"));
  for (std::size_t cut = 0; cut < model.size(); cut += 7) {
    MemoryFileSet files("cut");
    const std::string part = model.substr(0, cut);
    files.add("spiece.model", std::as_bytes(std::span(part)));
    try {
      testing::encode(*load_tokenizer(files, {"t5", false}), "the baker sells bread");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::model);
    }
  }
}

}  // namespace
}  // namespace embedtool
