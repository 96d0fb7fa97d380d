// Files that torch.save() wrote (tests/unit/data/state_*.pt, by PyTorch 1.13), and what is made of
// damaged and of hostile ones.
#include "formats/weights/torch_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "core/base/error.hpp"
#include "core/base/hash.hpp"
#include "core/math/kernels.hpp"
#include "formats/io/damaged.hpp"
#include "formats/weights/torch_pickle.hpp"
#include "formats/weights/zip_members.hpp"
#include "tests/support/model_folder.hpp"

namespace embedtool {
namespace {

using testing::as_bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string file_named(const std::string& name) {
  std::ifstream file(std::string(EMBEDTOOL_SOURCE_DIR) + "/tests/unit/data/" + name,
                     std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<float> values_of(const TorchWeights& weights, const char* name) {
  const TensorView& tensor = *weights.find(name);
  std::vector<float> out(static_cast<std::size_t>(tensor.elements()));
  widen(tensor.bytes.data(), tensor.dtype, out.size(), out.data());
  return out;
}

// {'weight': arange(6).reshape(2, 3) / 4, 'bias': [-1, 0.5]} of a Linear's state_dict().
TEST(TorchFile, ReadsAStateDict) {
  for (const auto& [name, type] : {std::pair{"state_f32.pt", DType::f32},
                                   {"state_f16.pt", DType::f16},
                                   {"state_bf16.pt", DType::bf16},
                                   {"state_zip64.pt", DType::f32}}) {
    const std::string file = file_named(name);
    ASSERT_FALSE(file.empty()) << name;
    const TorchWeights weights(as_bytes(file), name);
    EXPECT_THAT(weights.names(), ElementsAre("bias", "weight"));
    EXPECT_EQ(weights.find("weight")->dtype, type);
    EXPECT_THAT(weights.find("weight")->shape, ElementsAre(2, 3));
    EXPECT_THAT(values_of(weights, "weight"), ElementsAre(0, 0.25, 0.5, 0.75, 1, 1.25));
    EXPECT_THAT(values_of(weights, "bias"), ElementsAre(-1, 0.5));
    EXPECT_EQ(weights.find("absent"), nullptr);
  }
}

TEST(TorchFile, ReadsSeveralFilesAndRefusesATensorInTwo) {
  const std::string file = file_named("state_f32.pt");
  TorchWeights weights("folder");
  weights.add_file(as_bytes(file), "a.bin");
  EXPECT_EQ(weights.names().size(), 2U);
  EXPECT_THROW(weights.add_file(as_bytes(file), "b.bin"), Error);
}

std::string error_of(const std::string& file) {
  try {
    const TorchWeights weights(as_bytes(file), "x.pt");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::model);
    return error.what();
  }
  return "";
}

TEST(TorchFile, RefusesWhatIsNoArchive) {
  EXPECT_THAT(error_of(""), HasSubstr("x.pt"));
  EXPECT_THAT(error_of(std::string(100, 'x')), HasSubstr("no directory"));
  EXPECT_THAT(error_of("\x80\x02}q."), HasSubstr("save_file"));
}

TEST(TorchFile, EveryTruncationIsAnError) {
  const std::string file = file_named("state_f32.pt");
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_NE(error_of(file.substr(0, size)), "") << size;
  }
}

// Any byte changed: an error, or tensors that lie inside of the file.
TEST(TorchFile, EveryChangedByteIsBounded) {
  const std::string file = file_named("state_f32.pt");
  std::size_t read = 0;
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (const int change : {0x01, 0x80, 0xff}) {
      std::string changed = file;
      changed[at] = static_cast<char>(changed[at] ^ change);
      try {
        const TorchWeights weights(as_bytes(changed), "x.pt");
        for (const std::string_view name : weights.names()) {
          const TensorView& tensor = *weights.find(name);
          ASSERT_GE(tensor.bytes.data(), as_bytes(changed).data());
          ASSERT_LE(tensor.bytes.data() + tensor.bytes.size(),
                    as_bytes(changed).data() + changed.size());
          ++read;
        }
      } catch (const Error&) {
        continue;
      }
    }
  }
  EXPECT_GT(read, 0U);
}

std::string pickle_error(const std::string& pickle) {
  try {
    read_state_dict(as_bytes(pickle));
  } catch (const Damaged& error) {
    return error.what();
  }
  return "";
}

TEST(TorchPickle, RefusesToCallAnythingElse) {
  const std::string call =
      "\x80\x02"
      "cposix\nsystem\nX\x04" +
      std::string("\0\0\0", 3) + "true\x85R.";
  EXPECT_THAT(pickle_error(call), HasSubstr("more than a plain state dict"));
  EXPECT_EQ(pickle_error("\x80\x02}."), "");
  EXPECT_THAT(pickle_error("\x80\x04}."), HasSubstr("protocol"));
  EXPECT_THAT(pickle_error("\x80\x02}"), HasSubstr("ends early"));
  EXPECT_NE(pickle_error("\x80\x02."), "");
  EXPECT_NE(pickle_error("\x80\x02)."), "");
  EXPECT_NE(pickle_error("\x80\x02}}."), "");
}

// What a few bytes could be blown up to is bounded: nested tuples, deep stacks, long memos.
TEST(TorchPickle, BoundsWhatItBuilds) {
  const std::string head = "\x80\x02";
  std::string nested = head + ")";
  for (int i = 0; i < 100; ++i) nested += "\x85";
  EXPECT_NE(pickle_error(nested + "."), "");
  EXPECT_NE(pickle_error(head + std::string(20000, '(') + "."), "");
  std::string doubled = head + ")q" + std::string(1, '\0');
  for (int i = 0; i < 60; ++i) doubled += std::string("h\0h\0\x86q\0", 7);
  EXPECT_NE(pickle_error(doubled + "."), "");
  std::string marks = head + "(";
  for (int i = 0; i < 10000; ++i) marks += "N";
  EXPECT_NE(pickle_error(marks + "t."), "");
}

}  // namespace
}  // namespace embedtool
