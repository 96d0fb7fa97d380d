#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "core/row_reuse.hpp"
#include "formats/output/row_journal.hpp"
#include "formats/output/unit_output.hpp"

namespace embedtool {

/// Keeps the rows of the unit that is being written in a journal, so that a kill costs the windows
/// in flight and not the unit, and takes those that an earlier process has left of units of this
/// run.
class UnitRows final : public RowReuse {
 public:
  /// `output` has been opened for rows of `identity` and outlives this. `memory`: for the keys of
  /// rows that were left.
  UnitRows(const UnitOutput& output, const RunIdentity& identity, const OutputSpec& spec,
           std::size_t memory);

  void find(std::span<const Hash128> texts, ReusedRows& out) override;
  void add(const EmbeddingBlock& block) override;
  void settle() override;

 private:
  void drop_closed();

  const UnitOutput& output_;
  const OutputSpec spec_;
  const Hash128 fingerprint_;
  std::optional<RecoveredRows> recovered_;
  // The writer's.
  std::size_t closed_ = 0;  ///< units, journals of which are gone
  std::optional<RowJournal> journal_;
  std::vector<RowPlace> places_;
};

}  // namespace embedtool
