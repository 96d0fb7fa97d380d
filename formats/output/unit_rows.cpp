#include "formats/output/unit_rows.hpp"

#include <fmt/core.h>

#include <string>
#include <unordered_set>

namespace embedtool {
namespace {

std::string piece_name(std::size_t unit) {
  return fmt::format("unit-{:06}", unit);
}

}  // namespace

UnitRows::UnitRows(const UnitOutput& output, const RunIdentity& identity, const OutputSpec& spec,
                   std::size_t memory)
    : output_(output), spec_(spec), fingerprint_(row_fingerprint(identity)) {
  if (output.directory() == nullptr) return;
  std::unordered_set<std::string> pieces;
  for (const std::size_t unit : output.units()) pieces.insert(piece_name(unit));
  // Journals may be those of processes that are at the same units now: nothing is removed.
  const JournalChoice choice{
      [&](std::string_view piece) { return pieces.contains(std::string(piece)); }, false};
  recovered_.emplace(*output.directory(), spec, fingerprint_, choice, memory);
}

void UnitRows::find(std::span<const Hash128> texts, ReusedRows& out) {
  if (recovered_) recovered_->find(texts, out);
}

void UnitRows::drop_closed() {
  if (closed_ == output_.closed_units()) return;
  if (journal_) journal_->remove();
  journal_.reset();
  for (; closed_ < output_.closed_units(); ++closed_) {
    if (recovered_) recovered_->drop(piece_name(output_.units()[closed_]));
  }
}

void UnitRows::add(const EmbeddingBlock& block) {
  drop_closed();
  if (!output_.has_open_unit()) return;
  if (!journal_) {
    journal_.emplace(*output_.directory(), piece_name(output_.units()[closed_]), fingerprint_);
  }
  places_.clear();
  journal_->append(block, spec_, places_);
}

void UnitRows::settle() {
  // The folder stays for other processes, which may be about to use it; merge removes it.
  drop_closed();
}

}  // namespace embedtool
