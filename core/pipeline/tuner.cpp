#include "core/pipeline/tuner.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>

#include "core/base/check.hpp"

namespace embedtool {
namespace {

/// The grid. Below it a batch costs more to hand out than to compute; above it, it no longer fits a
/// cache and nothing is gained.
constexpr std::array<std::size_t, 7> kTexts = {8, 16, 32, 64, 96, 128, 256};
constexpr std::array<std::size_t, 6> kTokens = {1024, 2048, 4096, 8192, 16384, 32768};

/// Windows of each side before anything is decided, and before an open race is called off.
constexpr std::size_t kFewest = 4;
constexpr std::size_t kMost = 12;
/// A gain below this is not worth moving for, however certain.
constexpr double kLeastGain = 0.01;
/// Standard errors that a difference must have: one false alarm in 40.
constexpr double kCertain = 2.0;
constexpr std::uint64_t kFirstRest = 64;
constexpr std::uint64_t kLongestRest = 4096;
constexpr std::uint64_t kReliefWindows = 8;

bool same(const BatchLimits& a, const BatchLimits& b) {
  return a.texts == b.texts && a.tokens == b.tokens;
}

/// The grid's values next to `value`, below and above; 0 where there is none.
template <std::size_t N>
std::array<std::size_t, 2> beside(const std::array<std::size_t, N>& grid, std::size_t value) {
  const auto above = std::upper_bound(grid.begin(), grid.end(), value);
  const auto at = std::lower_bound(grid.begin(), grid.end(), value);
  return {at == grid.begin() ? 0 : *(at - 1), above == grid.end() ? 0 : *above};
}

}  // namespace

void Tuner::Sample::add(double value) {
  ++count;
  const double delta = value - mean;
  mean += delta / static_cast<double>(count);
  sum_of_squares += delta * (value - mean);
}

double Tuner::Sample::variance_of_mean() const {
  if (count < 2) return 0;
  const auto n = static_cast<double>(count);
  return sum_of_squares / (n - 1) / n;
}

Tuner::Tuner(BatchLimits start, BatchLimits most) : choice_(start), most_(most) {
  EMBEDTOOL_CHECK(start.texts <= most.texts && start.tokens <= most.tokens);
  history_.reserve(kMostSteps);
  untried_.reserve(4);
  start_round();
}

std::vector<BatchLimits> Tuner::neighbours() const {
  const auto texts = beside(kTexts, choice_.texts);
  const auto tokens = beside(kTokens, choice_.tokens);
  std::vector<BatchLimits> out;
  // Smaller ones are tried last: the larger a batch, the rarer its fixed costs.
  for (const BatchLimits candidate :
       {BatchLimits{choice_.texts, tokens[0]}, BatchLimits{texts[0], choice_.tokens},
        BatchLimits{choice_.texts, tokens[1]}, BatchLimits{texts[1], choice_.tokens}}) {
    if (candidate.texts == 0 || candidate.tokens == 0) continue;
    if (candidate.texts > most_.texts || candidate.tokens > most_.tokens) continue;
    out.push_back(candidate);
  }
  return out;
}

void Tuner::start_round() {
  untried_ = neighbours();
  start_trial();
}

void Tuner::start_trial() {
  choice_cost_ = {};
  challenger_cost_ = {};
  trying_ = !untried_.empty();
  if (!trying_) {
    settle();
    return;
  }
  challenger_ = untried_.back();
  untried_.pop_back();
}

void Tuner::settle() {
  rest_ = rest_ == 0 ? kFirstRest : std::min(rest_ * 2, kLongestRest);
  wake_ = turn_ + rest_;
  note({TunerStep::Kind::settled, choice_, choice_, measured_, 0, 0});
}

BatchLimits Tuner::next() {
  ++turn_;
  if (!trying_) {
    if (turn_ < wake_) return choice_;
    start_round();
  }
  return trying_ && turn_ % 2 == 0 ? challenger_ : choice_;
}

void Tuner::measured(const BatchLimits& used, double cost) {
  ++measured_;
  if (!trying_ || !(cost > 0) || !std::isfinite(cost)) return;
  if (same(used, choice_)) {
    choice_cost_.add(cost);
  } else if (same(used, challenger_)) {
    challenger_cost_.add(cost);
  } else {
    return;
  }
  decide();
}

void Tuner::decide() {
  const std::size_t fewest = std::min(choice_cost_.count, challenger_cost_.count);
  if (fewest < kFewest) return;
  const double gain = (choice_cost_.mean - challenger_cost_.mean) / choice_cost_.mean;
  const double noise =
      std::sqrt(choice_cost_.variance_of_mean() + challenger_cost_.variance_of_mean()) /
      choice_cost_.mean;
  const bool faster = gain > kLeastGain && gain > kCertain * noise;
  const bool slower = gain < kLeastGain - kCertain * noise;
  if (!faster && !slower && fewest < kMost) return;
  const BatchLimits from = choice_;
  note({faster ? TunerStep::Kind::kept : TunerStep::Kind::rejected, from, challenger_, measured_,
        gain, noise});
  if (!faster) {
    start_trial();
    return;
  }
  choice_ = challenger_;
  rest_ = 0;
  untried_ = neighbours();
  std::erase_if(untried_, [&from](const BatchLimits& limits) { return same(limits, from); });
  start_trial();
}

void Tuner::relieve() {
  if (relieved_ != 0 && turn_ < relieved_ + kReliefWindows) return;
  const BatchLimits from = choice_;
  BatchLimits to = from;
  if (to.tokens > kTokens.front()) {
    to.tokens = std::max(to.tokens / 2, kTokens.front());
  } else if (to.texts > kTexts.front()) {
    to.texts = std::max(to.texts / 2, kTexts.front());
  } else {
    return;
  }
  relieved_ = std::max<std::uint64_t>(turn_, 1);
  choice_ = most_ = to;
  note({TunerStep::Kind::backed_off, from, to, measured_, 0, 0});
  rest_ = 0;
  untried_.clear();
  trying_ = false;
  wake_ = turn_ + kFirstRest;
}

void Tuner::note(TunerStep step) {
  if (history_.size() == kMostSteps) history_.erase(history_.begin());
  history_.push_back(step);
}

}  // namespace embedtool
