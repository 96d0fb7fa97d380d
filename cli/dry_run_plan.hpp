#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/corpus/corpus_survey.hpp"
#include "formats/output/run_output.hpp"

namespace embedtool {

/// What a run would come to.
struct DryRunPlan {
  std::vector<InputDescription> inputs;
  CorpusSurvey survey;  ///< its pool is not needed any more
  std::size_t max_tokens = 0;
  double seconds = 0;        ///< of the whole run
  double trial_seconds = 0;  ///< of the sample that this was found by
  double tokens_per_second = 0;
  std::size_t threads = 0;
  std::uint64_t disk_bytes = 0;  ///< of the rows
  std::uint64_t shards = 0;      ///< 0: the format has none
  std::optional<std::uint64_t> disk_free;
  std::uint64_t memory_bytes = 0;  ///< at most
  std::string output;              ///< as typed; empty: none was named
  OutputOutlook outlook;
};

/// A table for people.
std::string render_plan(const DryRunPlan& plan);
/// One JSON object on a line.
std::string plan_json(const DryRunPlan& plan);

}  // namespace embedtool
