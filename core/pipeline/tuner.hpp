#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/enum_words.hpp"
#include "core/pipeline/planner.hpp"

namespace embedtool {

/// One thing that the tuner did.
struct TunerStep {
  enum class Kind : std::uint8_t {
    kept,       ///< `to` was faster beyond noise and took the place of `from`
    rejected,   ///< `to` was not
    settled,    ///< no neighbour of `from` is faster
    backed_off  ///< memory was tight: `to` replaces `from`, nothing larger again
  };
  Kind kind = Kind::rejected;
  BatchLimits from;
  BatchLimits to;
  std::uint64_t window = 0;  ///< windows measured up to then
  double gain = 0;           ///< (cost of from - cost of to) / cost of from
  double noise = 0;          ///< standard error of gain
};

template <>
inline constexpr auto enum_words<TunerStep::Kind> = std::to_array<EnumWord<TunerStep::Kind>>({
    {TunerStep::Kind::kept, "kept"},
    {TunerStep::Kind::rejected, "rejected"},
    {TunerStep::Kind::settled, "settled"},
    {TunerStep::Kind::backed_off, "backed off"},
});

/// Chooses batch limits during a run. A pure state machine without a clock: costs in, choice out.
/// It climbs a grid of texts and tokens one step at a time: windows alternate between the current
/// choice and a neighbour, so that drift affects both alike, and the neighbour takes over if its
/// cost is lower beyond noise. When no neighbour is better, it rests, longer each time, and tries
/// again. Vectors do not depend on batches, so nothing that it does changes one. Not thread-safe.
class Tuner {
 public:
  /// Begins at `start`; never exceeds `most` in either dimension of the grid.
  Tuner(BatchLimits start, BatchLimits most);

  /// For the next window. Each call is one window.
  BatchLimits next();
  /// A window that was cut by `used` took `cost` per unit of work. Windows may come in any order;
  /// one that was cut by limits no longer under test is ignored.
  void measured(const BatchLimits& used, double cost);
  /// Memory is tight: halves the tokens, or the texts, and stays below that limit from then on.
  /// Acts again only after some windows, so that the effect has time to show.
  void relieve();

  BatchLimits choice() const { return choice_; }
  /// The last kMostSteps steps, oldest first.
  const std::vector<TunerStep>& history() const { return history_; }

  static constexpr std::size_t kMostSteps = 64;

 private:
  /// Mean and variance, one value at a time (Welford).
  struct Sample {
    std::size_t count = 0;
    double mean = 0;
    double sum_of_squares = 0;
    void add(double value);
    double variance_of_mean() const;
  };

  std::vector<BatchLimits> neighbours() const;
  void start_round();
  void start_trial();
  void decide();
  void settle();
  void note(TunerStep step);

  BatchLimits choice_;
  BatchLimits most_;
  BatchLimits challenger_;
  std::vector<BatchLimits> untried_;  ///< neighbours of choice_, the next one last
  bool trying_ = false;
  std::uint64_t turn_ = 0;      ///< windows given out
  std::uint64_t measured_ = 0;  ///< windows measured
  std::uint64_t rest_ = 0;      ///< windows for which a settled tuner rests
  std::uint64_t wake_ = 0;      ///< `turn_` at which it looks again
  std::uint64_t relieved_ = 0;  ///< `turn_` of the last relief
  Sample choice_cost_;
  Sample challenger_cost_;
  std::vector<TunerStep> history_;
};

}  // namespace embedtool
