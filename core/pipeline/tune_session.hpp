#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/math/gemm.hpp"
#include "core/model/encoder.hpp"
#include "core/model/spec.hpp"
#include "core/pipeline/closeness.hpp"
#include "core/pipeline/race.hpp"
#include "core/pipeline/trial.hpp"
#include "core/ports.hpp"

namespace embedtool {

/// A way to compute.
struct TuneSetting {
  Compute compute = Compute::f32;
  const GemmBackend* backend = nullptr;
  std::size_t threads = 1;
  BatchLimits batch;
};

/// The model that is measured. Borrowed.
struct TuneModel {
  const ModelSpec& spec;
  const HeadSpec& head;
  const WeightSource& weights;
  const GemmBackend& backend;  ///< the default one
  const Encoder& encoder;      ///< with that backend, in f32
};

/// What is to be tried, and how long.
struct TunePlan {
  std::vector<Compute> precisions;  ///< beside f32
  std::vector<const GemmBackend*> backends;
  std::size_t threads = 1;  ///< the most
  double min_cosine = 0;
  double seconds = 60;
};

/// What was found about one setting.
struct TuneCandidate {
  TuneSetting setting;
  Race::Standing standing;
  double tokens_per_second = 0;
  std::optional<Closeness> closeness;  ///< to the default's vectors, where those may differ
  bool chosen = false;
};

/// Candidates that differ in one thing; the first is what the race before has chosen.
struct TuneRace {
  std::string name;
  std::vector<TuneCandidate> candidates;
};

struct TuneResult {
  std::vector<TuneRace> races;
  TuneSetting defaults;
  TuneSetting choice;
  double speedup = 1;  ///< the default's time / the choice's
  std::size_t texts = 0;
  double seconds = 0;          ///< that measuring took
  bool short_of_time = false;  ///< some race could not be decided
};

/// Measures a model on this machine with a sample: precision and backend first, then, with the
/// winner, threads and batch size. CPU time decides, which other programs disturb less than wall
/// time, except among numbers of threads. Borrows all that it is given.
class TuneSession {
 public:
  TuneSession(const TuneModel& model, const TokenSample& sample, TunePlan plan,
              const std::atomic<bool>& stop);

  /// Nothing when it was told to stop. Throws what encoding throws.
  std::optional<TuneResult> run();

 private:
  enum class Cost { cpu, wall };
  struct Rules {
    const char* name;
    Cost cost = Cost::cpu;
    bool compares_vectors = false;
    std::size_t texts = 0;  ///< of a measurement
    double seconds = 0;
  };

  void size_measurements();
  TrialTimes measure(const TuneSetting& setting, std::size_t texts, Cost cost);
  Closeness check(const TuneSetting& setting);
  const Encoder& encoder_of(const TuneSetting& setting);
  double seconds_left() const;
  void race(const Rules& rules, const std::vector<TuneSetting>& settings);
  void measure(const Rules& rules, Race& race, std::vector<TuneCandidate>& candidates);
  void race_precisions();
  void race_threads();
  void race_batches();

  const TuneModel model_;
  const TokenSample& sample_;
  const TunePlan plan_;
  const std::atomic<bool>& stop_;
  const std::uint64_t begin_ns_;
  Trial trial_;
  std::map<std::pair<Compute, const GemmBackend*>, std::unique_ptr<Encoder>> encoders_;
  std::vector<float> default_vectors_;
  std::size_t texts_ = 0;   ///< of a measurement
  std::size_t passes_ = 1;  ///< over them
  double seconds_per_text_ = 0;
  TuneResult result_;
};

}  // namespace embedtool
