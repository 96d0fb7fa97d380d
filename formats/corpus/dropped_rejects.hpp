#pragma once

#include "core/ports.hpp"

namespace embedtool {

/// For a reading of records whose bad ones are of no interest, or are reported by another reading.
class DroppedRejects final : public RejectSink {
 public:
  void add(const Reject& /*reject*/) override {}
};

}  // namespace embedtool
