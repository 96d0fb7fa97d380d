// embedtool verify: an output against its checksums and invariants.
#include <fmt/core.h>

#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "cli/flags.hpp"
#include "core/base/human.hpp"
#include "formats/output/verify.hpp"

namespace embedtool {
namespace {

/// Problems named one by one; a broken output may have thousands.
constexpr std::size_t kShown = 20;

ExitCode verify(const std::string& output, Console& console) {
  const VerifyReport report = verify_output(output);
  for (std::size_t i = 0; i < report.problems.size() && i < kShown; ++i) {
    const VerifyProblem& problem = report.problems[i];
    console.error(fmt::format("{}/{}: {}", output, problem.file, problem.what));
  }
  if (!report.ok()) {
    throw Error(ExitCode::failed, "{}: {}; encode it again with --overwrite, or restore it", output,
                human_count(report.problems.size(), "problem"));
  }
  std::string text = fmt::format("{}: OK, {}, {}, {}", output, human_count(report.rows, "row"),
                                 human_count(report.files, "file"), human_bytes(report.bytes));
  if (report.vectors > 0) {
    const std::string least = fmt::format("{:.6g}", report.min_norm);
    const std::string most = fmt::format("{:.6g}", report.max_norm);
    text += fmt::format("; vectors of length {}", least);
    if (most != least) text += fmt::format(" to {}", most);
  }
  console.note(text);
  return ExitCode::ok;
}

}  // namespace

RunCommand declare_verify(CLI::App& app) {
  const auto output = std::make_shared<std::string>();
  declare_argument(app, "OUT", *output).required();
  return [output](Session& session) { return verify(*output, session.console); };
}

}  // namespace embedtool
