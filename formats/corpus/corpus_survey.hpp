#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/data.hpp"
#include "formats/corpus/corpus_options.hpp"

namespace embedtool {

/// What one record comes to in a run.
struct RecordCost {
  std::uint64_t tokens = 0;  ///< of its rows
  std::uint64_t rows = 1;    ///< 0: it is left out
  bool truncated = false;
};

/// A number that was counted or estimated.
struct Estimate {
  double value = 0;
  double error = 0;  ///< one standard error; 0 = counted
};

/// What a corpus comes to.
struct CorpusSurvey {
  Estimate records;   ///< usable
  Estimate left_out;  ///< of them, those that get no row
  Estimate rows;
  Estimate tokens;          ///< of the rows, equal texts counted each time
  Estimate truncated;       ///< rows
  Estimate rejected;        ///< records that cannot be used
  bool counted = true;      ///< every record was looked at: all figures are exact
  double read_seconds = 0;  ///< CPU time to read all of it: without tokens
  /// Of the tokens, the part that belongs to texts not seen before; 1 where that is not known.
  double distinct = 1;
  /// Some of the records that get a row: a fair choice, in no particular order.
  DocumentBlock pool;
};

/// How a corpus is looked at.
struct SurveyPlan {
  double seconds = 8;        ///< that counting tokens may take
  double precision = 0.005;  ///< relative standard error of the tokens that is good enough
  std::size_t pool_bytes = std::size_t{32} << 20;
  /// Costs of a record, which need not be the corpus' only pass over it. Called from one thread.
  std::function<RecordCost(const DocumentBlock&, const Record&)> cost;
  /// Told now and then how much of the work is done, 0 to 1. May be empty.
  std::function<void(double)> progress;
};

/// Looks at a corpus without encoding it. Files that can be cut (see cut_corpus()) are read in
/// small ranges, spread evenly over all of them, until the estimate is precise enough, the time is
/// spent, or everything was read; all others are read from end to end, and the tokens of some of
/// their records are counted. `options.files` is set, and all of them are regular files; `limit`
/// and `sample` hold. Ends early when `options.stop` turns true. Throws as open_corpus() does.
CorpusSurvey survey_corpus(const CorpusOptions& options, const SurveyPlan& plan);

/// What one argument on the command line names.
struct InputDescription {
  std::string name;
  std::uint64_t files = 1;
  std::uint64_t bytes = 0;  ///< as stored
  std::string format;       ///< "jsonl", "csv (gzip)", "jsonl, text"
};

/// Opens every file and tells formats; all are regular files. Throws as open_corpus() does.
std::vector<InputDescription> describe_inputs(const CorpusOptions& options);

}  // namespace embedtool
