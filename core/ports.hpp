#pragma once

// The ports of core: what it needs from the outside world. formats/ implements them.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/jobs.hpp"
#include "core/data.hpp"
#include "core/tensor.hpp"

namespace embedtool {

/// A record that could not be used.
struct Reject {
  std::uint32_t file = 0;      ///< index into DocumentSource::file_names()
  std::uint64_t line = 0;      ///< 1-based
  std::string_view id;         ///< the record's id if known, else empty
  std::string_view reason;     ///< a sentence: what is wrong
  std::string_view bytes;      ///< the offending bytes (the sink caps what it keeps)
  std::uint64_t position = 0;  ///< Record::position
};

/// Where unusable records go. Implementations are thread-safe; under `--on-error fail` add()
/// throws Error(ExitCode::bad_record).
class RejectSink {
 public:
  virtual ~RejectSink() = default;
  virtual void add(const Reject& reject) = 0;
  /// No reject before position `end` will come from here on: everything before it is complete.
  virtual void settle(std::uint64_t /*end*/) {}
};

/// Counters of a DocumentSource; may be read from another thread while it works.
struct SourceProgress {
  std::uint64_t bytes_read = 0;      ///< as stored (compressed)
  std::uint64_t bytes_total = 0;     ///< 0 when unknown (a pipe)
  std::uint64_t bytes_unpacked = 0;  ///< after decompression
  std::uint64_t records = 0;         ///< accepted
  std::uint64_t rejected = 0;
  std::uint64_t duplicate_ids =
      0;                      ///< records with the id of an earlier record, among the known ids
  bool all_ids_known = true;  ///< false: some ids were not kept, for lack of room
};

/// Bounds of one block; the source stops after the record that reaches either.
struct BlockLimits {
  std::size_t records = 0;
  std::size_t bytes = 0;
};

/// A stream of records in input order. read() is called from one thread.
class DocumentSource {
 public:
  virtual ~DocumentSource() = default;
  /// Clears `block` and fills it up to `limits`. False when the input is exhausted and the block is
  /// empty; a block among many bad records may be empty as well. A source on a pipe returns what it
  /// has once a record is complete and no more input is waiting (so that a slow producer's records
  /// are not held back). Throws Error on I/O failure. Bad records go to the RejectSink it was
  /// opened with.
  virtual bool read(DocumentBlock& block, const BlockLimits& limits) = 0;
  virtual SourceProgress progress() const = 0;
  virtual std::span<const std::string> file_names() const = 0;
};

/// What an adapter adds to a matrix [out, in] (LoRA; Hu et al. 2021): scale · up · down, with
/// `down` [rank, in] and `up` [out, rank].
struct LowRankChange {
  const TensorView* down;
  const TensorView* up;
  float scale;
};

/// Named tensors, typically memory-mapped. Immutable after construction, hence thread-safe.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  /// The tensor of that name, or null.
  virtual const TensorView* find(std::string_view name) const = 0;
  virtual std::vector<std::string_view> names() const = 0;
  /// What is to be added to a linear layer's weight that find() gave; null where nothing is. No
  /// other tensor has such a change.
  virtual const LowRankChange* change_of(const TensorView& /*tensor*/) const { return nullptr; }
  /// A hint that the tensor will not be read again soon, if ever: its pages that are mapped from a
  /// file may be dropped from memory. Its bytes stay valid. Thread-safe.
  virtual void release(const TensorView& /*tensor*/) const {}
  /// Where the weights come from, for messages.
  virtual std::string describe() const = 0;
};

/// A model's configuration (config.json and its like) as typed look-ups. `key` is a member name,
/// or a dotted path into nested objects. A member of the wrong type is an Error(ExitCode::model)
/// naming it; null counts as absent.
class ConfigSource {
 public:
  virtual ~ConfigSource() = default;
  virtual bool has(std::string_view key) const = 0;
  virtual std::optional<std::int64_t> integer(std::string_view key) const = 0;
  virtual std::optional<double> number(std::string_view key) const = 0;
  virtual std::optional<bool> boolean(std::string_view key) const = 0;
  virtual std::optional<std::string> string(std::string_view key) const = 0;
  virtual std::optional<std::vector<std::string>> strings(std::string_view key) const = 0;
  /// Names of the members of the object at `path` ("" = the whole configuration) that are not null;
  /// none if it is not an object.
  virtual std::vector<std::string> members(std::string_view path) const = 0;
  /// The value as JSON on one line, shortened to fit a message; "" if there is none.
  virtual std::string text(std::string_view key) const = 0;
};

/// Where finished windows go. write() is called from one thread, windows in input order.
class EmbeddingSink {
 public:
  virtual ~EmbeddingSink() = default;
  /// From now on jobs may run there, which takes work from the thread that writes; null: no longer.
  /// Returns when none of its jobs is under way. Does not throw.
  virtual void set_runner([[maybe_unused]] JobRunner* runner) {}
  virtual void write(const EmbeddingBlock& block) = 0;
  /// Everything has been written: publish. Not called when the run failed.
  virtual void finish() = 0;
  /// Bytes written so far (compressed), and their uncompressed size. Thread-safe.
  virtual std::uint64_t bytes_written() const = 0;
  virtual std::uint64_t bytes_raw() const = 0;
};

}  // namespace embedtool
