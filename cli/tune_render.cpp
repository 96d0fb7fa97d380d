#include "cli/tune_render.hpp"

#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/render.hpp"
#include "cli/version.hpp"
#include "core/base/human.hpp"

namespace embedtool {
namespace {

using Json = nlohmann::ordered_json;

std::string rate(double tokens_per_second) {
  return human_count(static_cast<std::uint64_t>(std::llround(tokens_per_second)));
}

/// What a race's candidates differ in.
std::string label(const std::string& race, const TuneSetting& setting) {
  if (race == "precision") {
    return fmt::format("{} {}", name_of(setting.compute), setting.backend->name());
  }
  if (race == "threads") return std::to_string(setting.threads);
  return fmt::format("{} texts, {} tokens", setting.batch.texts, setting.batch.tokens);
}

std::string remark(const TuneCandidate& candidate, bool first, double min_cosine) {
  const Race::Standing& standing = candidate.standing;
  if (first) return candidate.chosen ? "" : "the default";
  if (!standing.may_win) return fmt::format("worst cosine below {}", min_cosine);
  if (standing.rounds < Race::Rules{}.fewest) return "too little time";
  const bool faster = standing.gain > 0;
  return faster && !candidate.chosen && standing.gain < 2 * standing.noise ? "within noise" : "";
}

std::vector<std::string> row_of(const TuneRace& race, const TuneCandidate& candidate, bool first,
                                double min_cosine) {
  const Race::Standing& standing = candidate.standing;
  return {candidate.chosen ? "*" : "",
          label(race.name, candidate.setting),
          rate(candidate.tokens_per_second),
          first ? "" : fmt::format("{:+.1f} ± {:.1f} %", 100 * standing.gain, 100 * standing.noise),
          candidate.closeness ? fmt::format("{:.6f}", candidate.closeness->worst) : "",
          candidate.closeness ? fmt::format("{:.6f}", candidate.closeness->mean) : "",
          remark(candidate, first, min_cosine)};
}

/// A string of a settings file; empty where the file has no way to write it.
std::string settings_string(const std::string& text) {
  return text.find_first_of("\"\\\n\r") == std::string::npos ? "\"" + text + "\"" : "";
}

Json setting_json(const TuneSetting& setting) {
  return {{"compute", name_of(setting.compute)},
          {"gemm", setting.backend->name()},
          {"threads", setting.threads},
          {"batch_size", setting.batch.texts},
          {"batch_tokens", setting.batch.tokens}};
}

Json candidate_json(const TuneCandidate& candidate) {
  Json out = setting_json(candidate.setting);
  out["tokens_per_second"] = std::round(candidate.tokens_per_second);
  out["gain_percent"] = 100 * candidate.standing.gain;
  out["noise_percent"] = 100 * candidate.standing.noise;
  out["rounds"] = candidate.standing.rounds;
  out["worst_cosine"] = candidate.closeness ? Json(candidate.closeness->worst) : Json();
  out["mean_cosine"] = candidate.closeness ? Json(candidate.closeness->mean) : Json();
  out["may_win"] = candidate.standing.may_win;
  out["chosen"] = candidate.chosen;
  return out;
}

/// What the choice costs in exactness, for the settings file.
std::string exactness(const TuneResult& result) {
  for (const TuneRace& race : result.races) {
    for (const TuneCandidate& candidate : race.candidates) {
      if (!candidate.chosen || !candidate.closeness) continue;
      return fmt::format("  # worst cosine to f32 {:.6f}, mean {:.6f}", candidate.closeness->worst,
                         candidate.closeness->mean);
    }
  }
  return "";
}

}  // namespace

std::string render_tune(const TuneResult& result, const TuneSubject& subject) {
  using enum Table::Align;
  std::string out =
      fmt::format("{} with {} texts of {} (median {} tokens), {} CPUs, {}; measured for {}\n",
                  subject.model, human_count(subject.texts), subject.inputs, subject.median_tokens,
                  subject.cpus, subject.isa, human_seconds(result.seconds));
  Table table({left, left, right, right, right, right, left});
  for (const TuneRace& race : result.races) {
    const bool compares = race.name == "precision";
    table.row({"", "", "", "", "", "", ""});
    table.row({"", race.name == "precision" ? "precision, backend" : race.name, "tokens/s", "time",
               compares ? "worst cosine" : "", compares ? "mean" : "", ""});
    for (std::size_t i = 0; i < race.candidates.size(); ++i) {
      table.row(row_of(race, race.candidates[i], i == 0, subject.min_cosine));
    }
  }
  if (!result.races.empty()) out += table.text();
  const TuneSetting& choice = result.choice;
  out += fmt::format(
      "\nbest: --compute {} --gemm {} --threads {} --batch-size {} --batch-tokens {}: {:.2f} times "
      "as fast as the defaults\n",
      name_of(choice.compute), choice.backend->name(), choice.threads, choice.batch.texts,
      choice.batch.tokens, result.speedup);
  return out;
}

std::string tune_json(const TuneResult& result, const TuneSubject& subject) {
  Json races = Json::array();
  for (const TuneRace& race : result.races) {
    Json candidates = Json::array();
    for (const TuneCandidate& c : race.candidates) candidates.push_back(candidate_json(c));
    races.push_back({{"race", race.name}, {"candidates", candidates}});
  }
  const Json out{{"model", subject.model},
                 {"texts", subject.texts},
                 {"median_tokens", subject.median_tokens},
                 {"cpus", subject.cpus},
                 {"isa", subject.isa},
                 {"min_cosine", subject.min_cosine},
                 {"seconds", result.seconds},
                 {"races", races},
                 {"defaults", setting_json(result.defaults)},
                 {"choice", setting_json(result.choice)},
                 {"speedup", result.speedup}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string tune_config(const TuneResult& result, const TuneSubject& subject) {
  const TuneSetting& choice = result.choice;
  const TuneSetting& defaults = result.defaults;
  std::string out = fmt::format("{} {} for {} on {} CPUs ({})\n", kTuneMark, version_string(),
                                one_line(subject.model, 100), subject.cpus, subject.isa);
  out += fmt::format("# by {} texts, median {} tokens: {:.2f} times as fast as the defaults.\n",
                     subject.texts, subject.median_tokens, result.speedup);
  out += "# Settings not listed here keep their defaults. Use this file with --config.\n[encode]\n";
  const std::string model = settings_string(subject.model_path);
  out += model.empty() ? "# model: its path cannot be written here; give --model\n"
                       : fmt::format("model = {}\n", model);
  if (choice.compute != defaults.compute) {
    out += fmt::format("compute = \"{}\"{}\n", name_of(choice.compute), exactness(result));
  }
  if (choice.compute != defaults.compute || choice.backend != defaults.backend) {
    out += fmt::format("gemm = \"{}\"\n", choice.backend->name());
  }
  if (choice.threads != defaults.threads) out += fmt::format("threads = {}\n", choice.threads);
  if (choice.batch.texts != defaults.batch.texts) {
    out += fmt::format("batch-size = {}\n", choice.batch.texts);
  }
  if (choice.batch.tokens != defaults.batch.tokens) {
    out += fmt::format("batch-tokens = {}\n", choice.batch.tokens);
  }
  return out;
}

}  // namespace embedtool
