#include "cli/render.hpp"

#include <gtest/gtest.h>

#include "cli/render_report.hpp"
#include "cli/suggest.hpp"

namespace embedtool {
namespace {

TEST(Render, TablesAlignByCodePoints) {
  Table table({Table::Align::left, Table::Align::right});
  table.row({"né", "1"});
  table.row({"word", "100"});
  table.row({"alone"});
  EXPECT_EQ(table.text(1), " né       1\n word   100\n alone\n");
}

TEST(Render, OneLineKeepsTheTerminalSafe) {
  EXPECT_EQ(one_line("a\tb\r\n  c", 10), "a b c");
  // ESC and the C1 control U+009B would start an escape sequence.
  EXPECT_EQ(one_line("\x1b[31mred\xc2\x9b", 20), "[31mred");
  EXPECT_EQ(one_line("  ", 5), "");
}

TEST(Render, OneLineCutsAtCharacters) {
  EXPECT_EQ(one_line("äöüß", 4), "äöüß");
  EXPECT_EQ(one_line("äöüßx", 4), "äöü…");
  EXPECT_EQ(one_line("ab cd", 3), "ab…");
}

TEST(Render, ReportOfAnEmptyRun) {
  const std::string text = render_report(RunReport{}, 2, false);
  EXPECT_TRUE(text.starts_with("0 vectors in 0 s")) << text;
  EXPECT_EQ(text.find("nan"), std::string::npos) << text;
  EXPECT_EQ(text.find("inf"), std::string::npos) << text;
}

TEST(Render, ProgressEstimatesByBytesLeft) {
  // A quarter of the bytes in 2 s: 6 s more.
  const std::string line = render_progress(100, 5000, 25, 100, 2'000'000'000);
  EXPECT_EQ(line, "100 texts  50 texts/s  2 500 tokens/s  25.0 %  6.00 s left");
  // A pipe has no size.
  EXPECT_EQ(render_progress(100, 5000, 25, 0, 2'000'000'000),
            "100 texts  50 texts/s  2 500 tokens/s");
  EXPECT_EQ(render_progress(0, 0, 0, 100, 0), "0 texts  0 texts/s  0 tokens/s");
}

TEST(Suggest, FindsSlipsOfTheFinger) {
  const std::vector<std::string> names{"--batch-size", "--batch-tokens", "--window"};
  EXPECT_EQ(closest("--batchsize", names), "--batch-size");
  EXPECT_EQ(closest("--wnidow", names), "--window");
  EXPECT_EQ(closest("--frobnicate", names), "");
  EXPECT_EQ(did_you_mean("--widow", names), "; did you mean --window?");
  EXPECT_EQ(did_you_mean("--x", names), "");
}

}  // namespace
}  // namespace embedtool
