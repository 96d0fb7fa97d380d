// Rows into shards. A shard is opened at its first row, so that an output that ends on a shard's
// border has no empty one behind it.
#include <atomic>
#include <optional>
#include <span>

#include "core/base/error.hpp"
#include "formats/parquet_writer.hpp"
#include "formats/shard_sinks.hpp"

namespace embedtool {
namespace {

class ParquetSink final : public EmbeddingSink {
 public:
  ParquetSink(RunDirectory& run, const OutputSpec& spec, const ShardOptions& options)
      : run_(run), options_(options), writer_(spec, options.zstd_level) {
    // A resumed run counts on where the journal ends.
    if (run.completed_shards().empty()) return;
    const ShardEntry& last = run.completed_shards().back();
    last_record_ = last.last_record;
    last_record_rows_ = last.last_record_rows;
  }

  void write(const EmbeddingBlock& block) override {
    for (std::size_t row = 0; row < block.rows.size(); ++row) {
      if (!file_) begin_shard();
      writer_.append(block, row, row + 1);
      count_row(block.documents->records[block.rows[row].record].ordinal);
      const bool full = shard_rows_ >= options_.rows_per_shard ||
                        writer_.file_values() >= options_.bytes_per_shard;
      if (full) end_shard();
    }
    update_counters();
  }

  void finish() override {
    if (!file_ && run_.completed_shards().empty()) begin_shard();
    if (file_) end_shard();
    update_counters();
  }

  std::uint64_t bytes_written() const override { return bytes_written_; }
  std::uint64_t bytes_raw() const override { return bytes_raw_; }

 private:
  void begin_shard() {
    file_.emplace(run_.directory(), shard_name(run_.completed_shards().size()));
    writer_.begin(*file_);
    shard_rows_ = 0;
  }

  void count_row(std::uint64_t record) {
    last_record_rows_ = record == last_record_ ? last_record_rows_ + 1 : 1;
    last_record_ = record;
    ++shard_rows_;
  }

  // First the file, durable under its name, then the journal line that vouches for it: a death
  // between the two leaves a part that nobody has heard of, and the next run removes it.
  void end_shard() {
    writer_.end();
    const FileDigest digest = file_->publish();
    file_.reset();
    ShardEntry shard;
    shard.name = shard_name(run_.completed_shards().size());
    shard.rows = shard_rows_;
    shard.first_row = run_.completed_rows();
    shard.bytes = digest.bytes;
    shard.hash = digest.hash;
    shard.last_record = last_record_;
    shard.last_record_rows = last_record_rows_;
    run_.commit_shard(shard);
    published_bytes_ += digest.bytes;
  }

  void update_counters() {
    bytes_written_ = published_bytes_ + (file_ ? file_->size() : 0);
    bytes_raw_ = writer_.bytes_raw();
  }

  RunDirectory& run_;
  ShardOptions options_;
  ParquetWriter writer_;
  std::optional<DurableFile> file_;
  std::uint64_t shard_rows_ = 0;
  std::uint64_t last_record_ = 0;
  std::uint64_t last_record_rows_ = 0;
  std::uint64_t published_bytes_ = 0;
  std::atomic<std::uint64_t> bytes_written_{0};
  std::atomic<std::uint64_t> bytes_raw_{0};
};

}  // namespace

std::unique_ptr<EmbeddingSink> open_parquet_sink(RunDirectory& run, const OutputSpec& spec,
                                                 const ShardOptions& options) {
  if (options.rows_per_shard == 0 || options.bytes_per_shard == 0) {
    throw Error(ExitCode::usage, "a shard of 0 rows or bytes (--shard-rows) can hold nothing");
  }
  return std::make_unique<ParquetSink>(run, spec, options);
}

}  // namespace embedtool
