#pragma once

#include <string>

#include "core/pipeline/report.hpp"

namespace embedtool {

/// The short table that ends a run: what went through, how fast, where the CPU time went, memory.
std::string render_report(const RunReport& report, std::size_t cpus, bool colours);

/// A progress line: texts and tokens a second, share done and time left where the input's size is
/// known.
std::string render_progress(std::uint64_t rows, std::uint64_t tokens, std::uint64_t bytes_read,
                            std::uint64_t bytes_total, std::uint64_t elapsed_ns);

}  // namespace embedtool
