#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/stage.hpp"

namespace embedtool {

/// A stretch of a thread's time in one stage; nanoseconds by monotonic_ns().
struct TraceSpan {
  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = 0;
  Stage stage = Stage::other;
};

/// A batch that a thread encoded, or a window that it read or wrote.
struct TraceTask {
  enum class Kind : std::uint8_t { read, tokenize, encode, write };
  Kind kind = Kind::encode;
  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = 0;
  std::uint64_t window = 0;  ///< 0-based, in input order
  std::uint64_t texts = 0;
  std::uint64_t tokens = 0;  ///< of Kind::encode
};

template <>
inline constexpr auto enum_words<TraceTask::Kind> = std::to_array<EnumWord<TraceTask::Kind>>({
    {TraceTask::Kind::read, "read window"},
    {TraceTask::Kind::tokenize, "tokenize texts"},
    {TraceTask::Kind::encode, "encode batch"},
    {TraceTask::Kind::write, "write window"},
});

/// What one thread did, event by event, for `--trace`. Bounded: spans and tasks after the first
/// kMost of their kind are only counted. Belongs to its thread until the thread has ended.
struct TraceLane {
  static constexpr std::size_t kMost = std::size_t{1} << 17U;

  std::vector<TraceSpan> spans;
  std::vector<TraceTask> tasks;
  std::uint64_t dropped = 0;

  void add(const TraceSpan& span) {
    spans.size() < kMost ? spans.push_back(span) : void(++dropped);
  }
  void add(const TraceTask& task) {
    tasks.size() < kMost ? tasks.push_back(task) : void(++dropped);
  }
};

}  // namespace embedtool
