#include "core/pipeline/tune_session.hpp"

#include <algorithm>

#include "core/base/profile.hpp"

namespace embedtool {
namespace {

/// Parts of the time that is left when a race begins.
constexpr double kPrecisionShare = 0.5;
constexpr double kThreadShare = 0.3;
constexpr double kBatchShare = 1.0;
/// So many measurements fit into the time: three rounds or more of every race.
constexpr double kMeasurements = 60;
/// Texts for each worker, so that a measurement has batches of the usual size, and those for the
/// largest of batches.
constexpr std::size_t kFewTexts = 64;
constexpr std::size_t kManyTexts = 256;

std::uint64_t since(std::uint64_t begin_ns) {
  return monotonic_ns() - begin_ns;
}

double to_seconds(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

}  // namespace

TuneSession::TuneSession(const TuneModel& model, const TokenSample& sample, TunePlan plan,
                         const std::atomic<bool>& stop)
    : model_(model),
      sample_(sample),
      plan_(std::move(plan)),
      stop_(stop),
      begin_ns_(monotonic_ns()),
      trial_(sample) {
  result_.defaults = {Compute::f32, &model.backend, plan_.threads, BatchLimits{}};
  result_.choice = result_.defaults;
}

double TuneSession::seconds_left() const {
  return std::max(0.0, plan_.seconds - to_seconds(since(begin_ns_)));
}

const Encoder& TuneSession::encoder_of(const TuneSetting& setting) {
  if (setting.compute == Compute::f32 && setting.backend == &model_.backend) return model_.encoder;
  std::unique_ptr<Encoder>& encoder = encoders_[{setting.compute, setting.backend}];
  if (encoder == nullptr) {
    encoder = std::make_unique<Encoder>(model_.spec, model_.head, model_.weights, *setting.backend,
                                        setting.compute);
  }
  return *encoder;
}

TrialTimes TuneSession::measure(const TuneSetting& setting, std::size_t texts, Cost cost) {
  const TrialSetup setup{texts, setting.threads, setting.batch, cost == Cost::wall};
  TrialTimes sum;
  for (std::size_t pass = 0; pass < passes_; ++pass) {
    const TrialTimes times = trial_.run(encoder_of(setting), setup);
    sum.wall_seconds += times.wall_seconds;
    sum.cpu_seconds += times.cpu_seconds;
  }
  return sum;
}

/// As many texts, and passes over them, as take a measurement's share of the time.
void TuneSession::size_measurements() {
  const std::size_t few = std::min(sample_.size(), kFewTexts * plan_.threads);
  texts_ = few;
  measure(result_.defaults, few, Cost::wall);  // what is done for the first time
  const double seconds = measure(result_.defaults, few, Cost::wall).wall_seconds;
  seconds_per_text_ = seconds / static_cast<double>(few);
  const double wanted = std::clamp(plan_.seconds / kMeasurements, 0.02, 1.0);
  const double texts = static_cast<double>(few) * wanted / std::max(seconds, 1e-9);
  texts_ = std::clamp(static_cast<std::size_t>(std::min(texts, 1e9)), few, sample_.size());
  passes_ = std::max<std::size_t>(
      1, static_cast<std::size_t>(std::min(texts, 1e9)) / std::max<std::size_t>(texts_, 1));
}

/// Also the warm-up: packs the weights, fills the buffers.
Closeness TuneSession::check(const TuneSetting& setting) {
  const TrialSetup setup{texts_, setting.threads, setting.batch, false};
  if (default_vectors_.empty()) {
    trial_.run(model_.encoder, setup, &default_vectors_);
  }
  std::vector<float> vectors;
  const Encoder& encoder = encoder_of(setting);
  trial_.run(encoder, setup, &vectors);
  return compare_vectors(vectors, default_vectors_, encoder.dims());
}

/// One measurement after the other, as the race asks for them.
void TuneSession::measure(const Rules& rules, Race& race, std::vector<TuneCandidate>& candidates) {
  const double tokens = static_cast<double>(sample_.tokens(rules.texts) * passes_);
  for (auto turn = race.next(); turn && !stop_.load(); turn = race.next()) {
    TuneCandidate& candidate = candidates[*turn];
    if (rules.compares_vectors && !candidate.closeness) {
      candidate.closeness = check(candidate.setting);
      if (*turn > 0 && candidate.closeness->worst < plan_.min_cosine) race.exclude(*turn);
    }
    const std::uint64_t begin = monotonic_ns();
    const TrialTimes times = measure(candidate.setting, rules.texts, rules.cost);
    const double time = rules.cost == Cost::wall
                            ? times.wall_seconds
                            : times.cpu_seconds / static_cast<double>(candidate.setting.threads);
    race.measured(*turn, time / tokens, to_seconds(since(begin)));
  }
}

/// Races the settings, the first being what is taken where none is better, and makes the winner the
/// choice.
void TuneSession::race(const Rules& rules, const std::vector<TuneSetting>& settings) {
  if (settings.size() < 2 || stop_.load()) return;
  TuneRace out{rules.name, {}};
  for (const TuneSetting& setting : settings) out.candidates.push_back({setting, {}, 0, {}, false});
  Race race(settings.size(), 0, {.seconds = rules.seconds});
  measure(rules, race, out.candidates);
  if (stop_.load()) return;
  const std::size_t winner = race.winner();
  for (std::size_t i = 0; i < settings.size(); ++i) {
    TuneCandidate& candidate = out.candidates[i];
    candidate.standing = race.standing(i);
    candidate.tokens_per_second = 1 / candidate.standing.cost;
    candidate.chosen = i == winner;
    if (candidate.standing.rounds < Race::Rules{}.fewest) result_.short_of_time = true;
  }
  result_.choice = settings[winner];
  result_.speedup /= 1 - out.candidates[winner].standing.gain;
  result_.races.push_back(std::move(out));
}

void TuneSession::race_precisions() {
  std::vector<TuneSetting> settings{result_.choice};
  // A static model has no linear layers to choose for: those of a head compute in f32.
  if (model_.encoder.linear_flops(1, 0) == 0) return;
  std::vector<Compute> precisions{Compute::f32};
  precisions.insert(precisions.end(), plan_.precisions.begin(), plan_.precisions.end());
  for (const Compute compute : precisions) {
    for (const GemmBackend* backend : plan_.backends) {
      if (!backend->unavailable(compute).empty()) continue;
      if (compute == Compute::f32 && backend == &model_.backend) continue;
      TuneSetting setting = result_.choice;
      setting.compute = compute;
      setting.backend = backend;
      settings.push_back(setting);
    }
  }
  race({"precision", Cost::cpu, true, texts_, kPrecisionShare * seconds_left()}, settings);
  // Only the winner's weights are needed from here on.
  std::erase_if(encoders_, [this](const auto& entry) {
    return entry.first != std::pair{result_.choice.compute, result_.choice.backend};
  });
}

void TuneSession::race_threads() {
  std::vector<TuneSetting> settings{result_.choice};
  const std::size_t most = plan_.threads;
  for (const std::size_t threads : {most * 3 / 4, most / 2}) {
    if (threads == 0 || threads == settings.back().threads) continue;
    TuneSetting setting = result_.choice;
    setting.threads = threads;
    settings.push_back(setting);
  }
  race({"threads", Cost::wall, false, texts_, kThreadShare * seconds_left()}, settings);
}

void TuneSession::race_batches() {
  std::vector<TuneSetting> settings{result_.choice};
  for (const BatchLimits batch :
       {BatchLimits{16, 8192}, {32, 8192}, {64, 4096}, {96, 8192}, {128, 16384}}) {
    TuneSetting setting = result_.choice;
    setting.batch = batch;
    settings.push_back(setting);
  }
  // As many as fill the largest batches, where there is time for three rounds of them.
  const double measurements = 3.0 * static_cast<double>(settings.size());
  const double affordable = seconds_left() / measurements / std::max(seconds_per_text_, 1e-9);
  const std::size_t many = std::min(sample_.size(), kManyTexts * result_.choice.threads);
  const std::size_t texts =
      std::max(texts_, std::min(many, static_cast<std::size_t>(std::min(affordable, 1e9))));
  race({"batch", Cost::cpu, false, texts, kBatchShare * seconds_left()}, settings);
}

std::optional<TuneResult> TuneSession::run() {
  size_measurements();
  race_precisions();
  race_threads();
  race_batches();
  if (stop_.load()) return std::nullopt;
  result_.texts = texts_;
  result_.seconds = to_seconds(since(begin_ns_));
  return result_;
}

}  // namespace embedtool
