#include "cli/dry_run_plan.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/render.hpp"
#include "core/base/human.hpp"

namespace embedtool {
namespace {

/// Inputs that get a line of their own.
constexpr std::size_t kMostLines = 10;

std::uint64_t whole(double value) {
  return static_cast<std::uint64_t>(std::llround(std::max(0.0, value)));
}

/// "1 234", or "about 1 230 000 (± 0.8 %)": two standard errors.
std::string human_estimate(const Estimate& estimate) {
  if (estimate.error <= 0 || estimate.value <= 0) return human_count(whole(estimate.value));
  const double unit = std::pow(10, std::max(0.0, std::floor(std::log10(estimate.value)) - 3));
  return fmt::format("about {} (± {:.1f} %)",
                     human_count(whole(std::round(estimate.value / unit) * unit)),
                     200 * estimate.error / estimate.value);
}

std::string describe(const InputDescription& input) {
  return fmt::format("{}{}, {}",
                     input.files == 1 ? "" : fmt::format("{}, ", human_count(input.files, "file")),
                     human_bytes(input.bytes), input.format);
}

void add_inputs(Table& table, const DryRunPlan& plan) {
  std::uint64_t bytes = 0;
  for (const InputDescription& input : plan.inputs) bytes += input.bytes;
  const std::size_t named = std::min(plan.inputs.size(), kMostLines);
  for (std::size_t i = 0; i < named; ++i) {
    const InputDescription& input = plan.inputs[i];
    table.row({i == 0 ? "inputs" : "", fmt::format("{}: {}", input.name, describe(input))});
  }
  if (plan.inputs.size() == 1) return;
  const std::size_t more = plan.inputs.size() - named;
  table.row({"", fmt::format("{}{} in all",
                             more > 0 ? fmt::format("and {} more inputs; ", human_count(more)) : "",
                             human_bytes(bytes))});
}

std::string tokens_line(const DryRunPlan& plan) {
  const CorpusSurvey& survey = plan.survey;
  std::string text = human_estimate(survey.tokens);
  if (survey.rows.value > 0) {
    text += fmt::format("; {:.0f} per row", survey.tokens.value / survey.rows.value);
  }
  if (survey.truncated.value >= 1) {
    text += fmt::format("; {:.1f} % of texts are cut at {} tokens",
                        100 * survey.truncated.value / survey.rows.value, plan.max_tokens);
  }
  if (survey.distinct < 0.995) {
    text += fmt::format("; {:.0f} % belong to texts that come again and are encoded once",
                        100 * (1 - survey.distinct));
  }
  return text;
}

std::string disk_line(const DryRunPlan& plan) {
  std::string text = fmt::format("about {}", human_bytes(plan.disk_bytes));
  if (plan.shards > 0) text += fmt::format(" in {}", human_count(plan.shards, "shard"));
  if (plan.disk_free) text += fmt::format("; {} are free", human_bytes(*plan.disk_free));
  return text;
}

}  // namespace

std::string render_plan(const DryRunPlan& plan) {
  const CorpusSurvey& survey = plan.survey;
  Table table({Table::Align::left, Table::Align::left});
  add_inputs(table, plan);
  std::string records = human_estimate(survey.records);
  if (survey.rejected.value >= 0.5) {
    records += fmt::format("; {}{} cannot be used", survey.counted ? "" : "about ",
                           human_count(whole(survey.rejected.value)));
  }
  if (survey.left_out.value >= 0.5) {
    records += fmt::format("; {}{} are left out (--on-long)", survey.counted ? "" : "about ",
                           human_count(whole(survey.left_out.value)));
  }
  table.row({"records", records});
  if (survey.rows.value - survey.records.value >= 0.5) {
    table.row({"chunks", fmt::format("{}; {:.1f} per record", human_estimate(survey.rows),
                                     survey.rows.value / survey.records.value)});
  }
  table.row({"tokens", tokens_line(plan)});
  table.row({"time",
             fmt::format("about {}: {} tokens/s with {}, measured for {}",
                         human_seconds(plan.seconds), human_count(whole(plan.tokens_per_second)),
                         human_count(plan.threads, "thread"), human_seconds(plan.trial_seconds))});
  table.row({"disk", disk_line(plan)});
  table.row({"memory", fmt::format("at most {}", human_bytes(plan.memory_bytes))});
  if (!plan.output.empty()) {
    table.row({"output", fmt::format("{} {}", plan.output, plan.outlook.text)});
  }
  return "Nothing was written; the run would take:\n" + table.text(2);
}

std::string plan_json(const DryRunPlan& plan) {
  const CorpusSurvey& survey = plan.survey;
  nlohmann::ordered_json json;
  for (const InputDescription& input : plan.inputs) {
    json["inputs"].push_back({{"name", input.name},
                              {"files", input.files},
                              {"bytes", input.bytes},
                              {"format", input.format}});
  }
  const auto add = [&json](const std::string& name, const Estimate& estimate) {
    json[name] = whole(estimate.value);
    json[name + "_error"] = whole(std::ceil(2 * estimate.error));
  };
  add("records", survey.records);
  add("rejected", survey.rejected);
  add("left_out", survey.left_out);
  add("rows", survey.rows);
  add("tokens", survey.tokens);
  add("truncated", survey.truncated);
  json["counted"] = survey.counted;
  json["seconds"] = plan.seconds;
  json["tokens_per_second"] = plan.tokens_per_second;
  json["threads"] = plan.threads;
  json["disk_bytes"] = plan.disk_bytes;
  json["disk_free_bytes"] =
      plan.disk_free ? nlohmann::ordered_json(*plan.disk_free) : nlohmann::ordered_json();
  json["shards"] = plan.shards;
  json["memory_bytes"] = plan.memory_bytes;
  json["output"] = plan.output;
  json["outlook"] = plan.outlook.text;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace embedtool
