#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace embedtool {

/// Finds the cheapest of several ways to do one thing by measuring them in turn. A pure state
/// machine without a clock: costs in, choice out. Every candidate is measured once per round, every
/// other round in reverse order, so that a machine that slows down or speeds up favours none. A
/// candidate is compared with the incumbent of the same round and replaces it only if its median
/// gain is beyond noise. Not thread-safe.
class Race {
 public:
  struct Rules {
    double seconds = 10;       ///< that all measurements may take; one round is always run
    std::size_t fewest = 3;    ///< rounds before a candidate can win or is dropped
    std::size_t most = 15;     ///< rounds
    double least_gain = 0.02;  ///< smaller gains are not worth a change, however certain
  };

  /// What is known about a candidate.
  struct Standing {
    std::size_t rounds = 0;
    double cost = 0;   ///< median; 0 before it was measured
    double gain = 0;   ///< median of (incumbent - candidate) / incumbent over the rounds
    double noise = 0;  ///< standard error of gain
    bool may_win = true;
  };

  /// `candidates` is their number; `incumbent` is the one chosen if nothing is better.
  Race(std::size_t candidates, std::size_t incumbent, Rules rules);

  /// The candidate is measured but cannot win. Not for the incumbent.
  void exclude(std::size_t candidate);
  /// The candidate to measure next; none when the race is over.
  std::optional<std::size_t> next();
  /// `candidate` took `cost` for a unit of work, and `seconds` in all.
  void measured(std::size_t candidate, double cost, double seconds);

  Standing standing(std::size_t candidate) const;
  std::size_t winner() const;

 private:
  struct Entrant {
    std::vector<double> costs;  ///< by round
    double seconds = 0;         ///< of its last measurement
    bool may_win = true;
    bool given_up = false;
  };

  bool is_over() const;
  void start_round();
  void give_up_hopeless();

  Rules rules_;
  std::size_t incumbent_;
  std::vector<Entrant> entrants_;
  std::vector<std::size_t> waiting_;  ///< for their turn in this round, the next one last
  std::size_t rounds_ = 0;            ///< begun
  double spent_ = 0;
};

}  // namespace embedtool
