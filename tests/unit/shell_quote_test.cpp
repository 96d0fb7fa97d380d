#include "formats/io/shell_quote.hpp"

#include <gtest/gtest.h>

namespace embedtool {
namespace {

TEST(ShellQuote, QuotesWhatAShellWouldReadOtherwise) {
  EXPECT_EQ(shell_word("data/a-1_b.jsonl"), "data/a-1_b.jsonl");
  EXPECT_EQ(shell_word("two words"), "'two words'");
  EXPECT_EQ(shell_word("$(rm x)"), "'$(rm x)'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word(""), "''");
}

TEST(ShellQuote, QuotesAlwaysWhereAskedTo) {
  EXPECT_EQ(shell_quoted("plain"), "'plain'");
}

}  // namespace
}  // namespace embedtool
