#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/io/durable_file.hpp"
#include "formats/output/manifest.hpp"

namespace embedtool {

/// Where a sink of shards puts them, and who vouches for them: a run's directory, or a unit.
class ShardLedger {
 public:
  virtual ~ShardLedger() = default;
  virtual const Directory& directory() const = 0;
  /// Shards published so far, and their rows.
  virtual const std::vector<ShardEntry>& completed_shards() const = 0;
  virtual std::uint64_t completed_rows() const = 0;
  virtual std::string next_shard_name() const = 0;
  /// Records a shard whose file has been published.
  virtual void commit_shard(const ShardEntry& shard) = 0;
};

}  // namespace embedtool
