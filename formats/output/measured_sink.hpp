#pragma once

#include <memory>

#include "core/ports.hpp"
#include "formats/output/run_identity.hpp"

namespace embedtool {

/// A sink that makes the bytes of an output's rows, as a run of that identity would write them, and
/// writes them nowhere: for what they cost in time, and how many they are. `spec` is the run's.
std::unique_ptr<EmbeddingSink> open_measured_sink(const RunIdentity& identity,
                                                  const OutputSpec& spec);

}  // namespace embedtool
