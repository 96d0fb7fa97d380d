#include "core/pipeline/race.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/base/check.hpp"

namespace embedtool {
namespace {

/// Slower than the incumbent by this much is not measured again.
constexpr double kHopeless = -0.25;
/// Standard errors that a gain must have: one false alarm in 40.
constexpr double kCertain = 2.0;

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

/// Standard error of the median of values that are normal but for outliers: by their median
/// absolute deviation.
double median_error(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double center = median(values);
  std::vector<double> deviations;
  deviations.reserve(values.size());
  for (const double value : values) deviations.push_back(std::abs(value - center));
  constexpr double kSigma = 1.4826;   // standard deviations in a median absolute deviation
  constexpr double kMedian = 1.2533;  // √(π/2): of a median against a mean
  return kSigma * kMedian * median(deviations) / std::sqrt(static_cast<double>(values.size()));
}

std::vector<double> gains(std::span<const double> incumbent, std::span<const double> costs) {
  std::vector<double> out;
  for (std::size_t round = 0; round < std::min(incumbent.size(), costs.size()); ++round) {
    out.push_back((incumbent[round] - costs[round]) / incumbent[round]);
  }
  return out;
}

}  // namespace

Race::Race(std::size_t candidates, std::size_t incumbent, Rules rules)
    : rules_(rules), incumbent_(incumbent), entrants_(candidates) {
  EMBEDTOOL_CHECK(incumbent < candidates);
  start_round();
}

void Race::exclude(std::size_t candidate) {
  EMBEDTOOL_CHECK(candidate < entrants_.size() && candidate != incumbent_);
  entrants_[candidate].may_win = false;
}

void Race::start_round() {
  waiting_.clear();
  for (std::size_t i = 0; i < entrants_.size(); ++i) {
    if (!entrants_[i].given_up) waiting_.push_back(i);
  }
  // The next one is taken from the end.
  if (rounds_ % 2 == 0) std::reverse(waiting_.begin(), waiting_.end());
  ++rounds_;
}

/// Whether there is no time for a round more, or nobody to race with.
bool Race::is_over() const {
  if (rounds_ >= rules_.most) return true;
  double next_round = 0;
  std::size_t running = 0;
  for (const Entrant& entrant : entrants_) {
    if (entrant.given_up) continue;
    next_round += entrant.seconds;
    ++running;
  }
  if (running < 2 && rounds_ >= rules_.fewest) return true;
  return spent_ + next_round > rules_.seconds;
}

void Race::give_up_hopeless() {
  if (rounds_ < rules_.fewest) return;
  for (std::size_t i = 0; i < entrants_.size(); ++i) {
    if (i != incumbent_ && standing(i).gain < kHopeless) entrants_[i].given_up = true;
  }
}

std::optional<std::size_t> Race::next() {
  if (waiting_.empty()) {
    give_up_hopeless();
    if (is_over()) return std::nullopt;
    start_round();
  }
  return waiting_.back();
}

void Race::measured(std::size_t candidate, double cost, double seconds) {
  [[maybe_unused]] const std::size_t waited = std::erase(waiting_, candidate);
  EMBEDTOOL_CHECK(waited == 1);
  entrants_[candidate].costs.push_back(cost);
  entrants_[candidate].seconds = seconds;
  spent_ += seconds;
}

Race::Standing Race::standing(std::size_t candidate) const {
  const Entrant& entrant = entrants_[candidate];
  const std::vector<double> over = gains(entrants_[incumbent_].costs, entrant.costs);
  return {entrant.costs.size(), median(entrant.costs), median(over), median_error(over),
          entrant.may_win};
}

std::size_t Race::winner() const {
  std::size_t best = incumbent_;
  double best_gain = rules_.least_gain;
  for (std::size_t i = 0; i < entrants_.size(); ++i) {
    if (i == incumbent_ || !entrants_[i].may_win) continue;
    const Standing s = standing(i);
    if (s.rounds < rules_.fewest || s.gain <= best_gain || s.gain <= kCertain * s.noise) continue;
    best = i;
    best_gain = s.gain;
  }
  return best;
}

}  // namespace embedtool
