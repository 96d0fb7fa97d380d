// Rows into shards. A shard is opened at its first row, so that an output that ends on a shard's
// border has no empty one behind it.
#include <atomic>
#include <optional>
#include <span>

#include "core/base/error.hpp"
#include "formats/output/shard_sinks.hpp"
#include "formats/parquet/parquet_writer.hpp"

namespace embedtool {
namespace {

class ParquetSink final : public EmbeddingSink {
 public:
  ParquetSink(ShardLedger& ledger, const OutputSpec& spec, const ShardOptions& options)
      : ledger_(ledger), options_(options), writer_(spec, options.parquet) {
    // A record that an earlier run had written in part comes again from its first row on.
    if (ledger.completed_shards().empty()) return;
    last_ = ledger.completed_shards().back();
    rows_to_drop_ = record_rows_ = last_.last_record_rows;
  }

  void set_runner(JobRunner* runner) override { writer_.set_runner(runner); }

  void write(const EmbeddingBlock& block) override {
    for (std::size_t row = 0; row < block.rows.size(); ++row) {
      const Record& record = record_of(block, row);
      if (rows_to_drop_ > 0) {
        --rows_to_drop_;
        continue;
      }
      if (!file_) begin_shard();
      writer_.append(block, row, row + 1);
      count_row(record);
      const bool full = shard_rows_ >= options_.rows_per_shard ||
                        writer_.file_values() >= options_.bytes_per_shard;
      if (!full) continue;
      end_shard(more_follow(block, row));
    }
    update_counters();
  }

  void finish() override {
    if (!file_ && options_.always_one && ledger_.completed_shards().empty()) begin_shard();
    if (file_) end_shard(false);
    update_counters();
  }

  std::uint64_t bytes_written() const override { return bytes_written_; }
  std::uint64_t bytes_raw() const override { return bytes_raw_; }

 private:
  void begin_shard() {
    file_.emplace(ledger_.directory(), ledger_.next_shard_name());
    writer_.begin(*file_);
    shard_rows_ = 0;
  }

  static const Record& record_of(const EmbeddingBlock& block, std::size_t row) {
    return block.documents->records[block.rows[row].record];
  }

  /// Whether more rows of the same record come, in this block or in a later one.
  static bool more_follow(const EmbeddingBlock& block, std::size_t row) {
    const std::vector<ChunkPlace>& chunks = block.documents->chunks;
    if (chunks.empty()) {
      return row + 1 < block.rows.size() &&
             record_of(block, row + 1).ordinal == record_of(block, row).ordinal;
    }
    const ChunkPlace& place = chunks[block.rows[row].record];
    return place.index + 1 < place.count;
  }

  void count_row(const Record& record) {
    record_rows_ = record.ordinal == last_.last_record ? record_rows_ + 1 : 1;
    last_.last_record = record.ordinal;
    last_.prefix = record.prefix;
    end_position_ = record.position + 1;
    ++shard_rows_;
  }

  // First the rejects, then the file, durable under its name, then the journal line that vouches
  // for both: a death in between leaves a part that nobody has heard of, and the next run removes
  // it.
  void end_shard(bool more_follow) {
    writer_.end();
    if (options_.settle_rejects) last_.rejects = options_.settle_rejects(end_position_);
    const FileDigest digest = file_->publish();
    file_.reset();
    last_.name = ledger_.next_shard_name();
    last_.rows = shard_rows_;
    last_.first_row = ledger_.completed_rows();
    last_.bytes = digest.bytes;
    last_.hash = digest.hash;
    last_.last_record_rows = more_follow ? record_rows_ : 0;
    ledger_.commit_shard(last_);
    published_bytes_ += digest.bytes;
  }

  void update_counters() {
    bytes_written_ = published_bytes_ + (file_ ? file_->size() : 0);
    bytes_raw_ = writer_.bytes_raw();
  }

  ShardLedger& ledger_;
  ShardOptions options_;
  ParquetWriter writer_;
  std::optional<DurableFile> file_;
  std::uint64_t shard_rows_ = 0;
  std::uint64_t rows_to_drop_ = 0;
  std::uint64_t record_rows_ = 0;   ///< of last_.last_record
  std::uint64_t end_position_ = 0;  ///< behind that record
  ShardEntry last_;
  std::uint64_t published_bytes_ = 0;
  std::atomic<std::uint64_t> bytes_written_{0};
  std::atomic<std::uint64_t> bytes_raw_{0};
};

}  // namespace

std::unique_ptr<EmbeddingSink> open_parquet_sink(ShardLedger& ledger, const OutputSpec& spec,
                                                 const ShardOptions& options) {
  if (options.rows_per_shard == 0 || options.bytes_per_shard == 0) {
    throw Error(ExitCode::usage, "a shard must have room for at least one row (--shard-rows)");
  }
  return std::make_unique<ParquetSink>(ledger, spec, options);
}

}  // namespace embedtool
