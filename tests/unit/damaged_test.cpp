#include "formats/io/damaged.hpp"

#include <gtest/gtest.h>

namespace embedtool {
namespace {

TEST(Damaged, GetsTheFilesNameAndARemedyAtTheBorder) {
  try {
    naming_damage("a.bin", ExitCode::model, "write it again",
                  [] { require(false, "it is short"); });
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "a.bin: it is short; write it again");
    EXPECT_EQ(error.code(), ExitCode::model);
  }
}

TEST(Damaged, LeavesResultsAndOtherExceptionsAlone) {
  EXPECT_EQ(naming_damage("a.bin", ExitCode::failed, "", [] { return 7; }), 7);
  EXPECT_THROW(naming_damage("a.bin", ExitCode::failed, "", [] { throw std::bad_alloc(); }),
               std::bad_alloc);
  EXPECT_NO_THROW(require(true, "holds"));
}

}  // namespace
}  // namespace embedtool
