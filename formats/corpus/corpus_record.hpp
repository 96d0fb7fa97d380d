#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/data.hpp"
#include "core/ports.hpp"
#include "formats/corpus/corpus_fields.hpp"
#include "formats/corpus/corpus_options.hpp"
#include "formats/corpus/id_set.hpp"
#include "formats/io/bytes_window.hpp"

namespace embedtool {

/// Turns the fields that a reader found into a Record of the block being filled, or into a reject.
/// A rejected record leaves nothing in the block. Not thread-safe, except for the counters.
class RecordBuilder {
 public:
  /// `options`, `plan` and `rejects` must outlive the builder.
  RecordBuilder(const CorpusOptions& options, const FieldPlan& plan, RejectSink& rejects)
      : options_(options),
        plan_(plan),
        rejects_(rejects),
        kept_seen_(plan.keep.size()),
        ids_(options.unique_ids ? 0 : kCountedIds) {}

  /// From now on records go into `block`.
  void bind(DocumentBlock& block) { block_ = &block; }
  /// From now on records come from that file, whose bytes go through `window`.
  void set_file(std::uint32_t file, std::string_view name, const ByteWindow& window);

  /// A record with named fields; `bytes` is the record as written in the input. False if rejected.
  bool add(const RecordFields& fields, std::uint64_t line, std::string_view bytes);
  /// The same of a row of columns, the `row`-th of its file from 1, that is not written in one
  /// place; `shown` is what of it a reject shows.
  bool add_row(const RecordFields& fields, std::uint64_t row, std::string_view shown);
  /// A record that is only a text; `text` is valid UTF-8.
  /// False if rejected.
  bool add_text(std::string_view text, std::uint64_t line);
  /// A record that is a whole file, whose name is its id; `text` is valid UTF-8. False if rejected.
  bool add_file(std::string_view text);
  void reject(std::uint64_t line, std::string_view id, std::string_view reason,
              std::string_view bytes);

  /// Of the next record.
  std::uint64_t position() const { return accepted() + rejected(); }
  std::uint64_t accepted() const { return accepted_.load(std::memory_order_relaxed); }
  std::uint64_t duplicate_ids() const { return duplicate_ids_.load(std::memory_order_relaxed); }
  bool all_ids_known() const { return !overflowed_.load(std::memory_order_relaxed); }
  std::uint64_t rejected() const { return rejected_.load(std::memory_order_relaxed); }
  /// Has any record had the field to keep, if only as null?
  bool has_seen_kept(std::size_t field) const { return kept_seen_[field]; }
  /// Fields of the first record, for messages.
  const std::string& first_names() const { return first_names_; }

 private:
  /// When duplicates are only counted, this many ids are kept (8 MiB), whatever the corpus.
  static constexpr std::size_t kCountedIds = std::size_t{1} << 19U;

  /// Sizes of the block's arenas.
  struct Mark {
    std::size_t bytes = 0;
    std::size_t ids = 0;
    std::size_t values = 0;
    std::size_t kept = 0;
  };

  bool check_id(const Record& record);
  bool fill(const RecordFields& fields, Record& record);
  bool put_id(const RecordFields& fields, Record& record);
  bool put_text(const RecordFields& fields, Record& record);
  bool put_text_part(const RecordFields& fields, FieldPlan::Slot slot, std::size_t start);
  void put_joined(std::string_view part, std::size_t start);
  bool put_ids(const FieldValue& value, Record& record);
  bool put_vector(const FieldValue& value, Record& record);
  bool take_ids(std::span<const double> numbers, std::int64_t bound);
  bool take_ids(std::string_view json, std::int64_t bound);
  bool take_vector(std::span<const double> numbers);
  bool take_vector(std::string_view json);
  bool put_kept(const RecordFields& fields);
  bool put_typed(const FieldValue& value, std::size_t field);
  Slice generated_id(std::uint64_t line);
  std::uint64_t offset() const;
  Slice append_number(std::uint64_t number);
  bool add_plain(std::string_view text, Record& record, const Mark& before);
  bool withdraw(const Record& record, const Mark& before);
  bool explain_missing(FieldPlan::Slot slot, const RecordFields& fields, std::string_view option);
  const std::string& name(FieldPlan::Slot slot) const { return plan_.names()[slot]; }
  Mark mark() const;
  Record begin_record(std::uint64_t line, std::string_view bytes);
  void accept(Record& record, const Mark& before);

  const CorpusOptions& options_;
  const FieldPlan& plan_;
  RejectSink& rejects_;
  DocumentBlock* block_ = nullptr;
  std::uint32_t file_ = 0;
  std::string file_id_;    ///< the file's name as an id
  std::uint64_t row_ = 0;  ///< of the columns that the record is from, from 1; 0: of none
  const ByteWindow* window_ = nullptr;
  std::string_view bytes_;   ///< the current record as written
  bool has_own_id_ = false;  ///< the current record has an id that was not generated
  std::string reason_;       ///< why the current record is rejected
  std::string canonical_;    ///< of a typed field
  std::vector<bool> kept_seen_;
  std::string first_names_;
  std::uint64_t prefix_ = 0;  ///< running hash of all records so far
  IdSet ids_;
  std::atomic<std::uint64_t> duplicate_ids_{0};
  std::atomic<bool> overflowed_{false};
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> rejected_{0};
};

}  // namespace embedtool
