#pragma once

#include <cstdint>
#include <string>

#include "core/pipeline/tune_session.hpp"

namespace embedtool {

/// What a result was found for, to say so.
struct TuneSubject {
  std::string model;       ///< name
  std::string model_path;  ///< what --model was, absolute
  std::string inputs;      ///< names, for people
  std::size_t texts = 0;   ///< of the sample
  std::uint64_t median_tokens = 0;
  std::size_t cpus = 0;
  std::string isa;
  double min_cosine = 0;
};

/// A table for people: every race, what it chose marked with an asterisk.
std::string render_tune(const TuneResult& result, const TuneSubject& subject);
/// The same as one JSON object.
std::string tune_json(const TuneResult& result, const TuneSubject& subject);
/// The choice as a file for --config: only what differs from the defaults, and why.
std::string tune_config(const TuneResult& result, const TuneSubject& subject);
/// The first words of such a file.
inline constexpr const char* kTuneMark = "# Written by embedtool tune";

}  // namespace embedtool
