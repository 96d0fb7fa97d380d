#pragma once

#include "core/base/error.hpp"
#include "core/ports.hpp"

namespace embedtool {

/// A bad record ends the benchmark.
class NoRejects final : public RejectSink {
 public:
  void add(const Reject& reject) override {
    throw Error(ExitCode::bad_record, "line {}: {}", reject.line, reject.reason);
  }
};

}  // namespace embedtool
