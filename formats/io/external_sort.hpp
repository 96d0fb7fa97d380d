#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/io/scratch_file.hpp"

namespace embedtool {

/// Sorts any number of records within a given memory: records are byte strings, in the order of
/// their bytes; equal ones all stay. What does not fit goes to scratch files as sorted runs, which
/// are merged while they are read. Not thread-safe.
class ExternalSort {
 public:
  /// Scratch files are made in `folder` when `memory` bytes are full; at least 1 MiB is used.
  ExternalSort(std::string folder, std::size_t memory);
  ~ExternalSort();
  ExternalSort(const ExternalSort&) = delete;
  ExternalSort& operator=(const ExternalSort&) = delete;

  /// A record may have up to 1 GiB. Not after the first next().
  void add(std::string_view record);
  std::uint64_t size() const { return added_; }
  /// The records in order; none when all have been returned. Valid until the next call.
  std::optional<std::string_view> next();

 private:
  class Run;
  /// A record in memory. The first bytes decide most comparisons.
  struct Entry {
    std::uint64_t head = 0;
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
  };

  std::string_view view(const Entry& entry) const;
  void sort_entries();
  void spill();
  void merge_all();
  void start_reading();
  void sift();

  std::string folder_;
  std::size_t memory_;
  std::uint64_t added_ = 0;
  std::string bytes_;
  std::vector<Entry> entries_;
  std::vector<std::unique_ptr<Run>> runs_;
  std::vector<Run*> heap_;  ///< the run with the least record first
  std::size_t next_ = 0;    ///< of entries_, where there is no run
  bool reading_ = false;
  bool taken_ = false;  ///< the first run's record has been returned
};

}  // namespace embedtool
