#include "formats/output/measured_sink.hpp"

#include <atomic>
#include <string>

#include "formats/arrow/arrow_writer.hpp"
#include "formats/io/byte_io.hpp"
#include "formats/output/json_rows.hpp"
#include "formats/parquet/parquet_writer.hpp"

namespace embedtool {
namespace {

/// Hashes what it gets, as a file does, and forgets it.
class Nowhere final : public ByteSink {
 public:
  void write(std::span<const std::byte> bytes) override {
    hasher_.update(bytes.data(), bytes.size());
    bytes_ += bytes.size();
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  Hasher128 hasher_;
  std::uint64_t bytes_ = 0;
};

/// One endless shard.
class MeasuredParquet final : public EmbeddingSink {
 public:
  MeasuredParquet(const RunIdentity& identity, const OutputSpec& spec)
      : writer_(spec, parquet_options(identity)) {
    writer_.begin(out_);
  }

  void write(const EmbeddingBlock& block) override {
    writer_.append(block, 0, block.rows.size());
    count();
  }
  void finish() override {
    writer_.end();
    count();
  }
  std::uint64_t bytes_written() const override { return bytes_; }
  std::uint64_t bytes_raw() const override { return raw_; }

 private:
  void count() {
    bytes_ = out_.bytes();
    raw_ = writer_.bytes_raw();
  }

  Nowhere out_;
  ParquetWriter writer_;
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> raw_{0};
};

/// One file.
class MeasuredArrow final : public EmbeddingSink {
 public:
  explicit MeasuredArrow(const OutputSpec& spec)
      : writer_(spec, arrow::ArrowWriter::Form::file, out_) {}

  void write(const EmbeddingBlock& block) override {
    writer_.write(block);
    bytes_ = out_.bytes();
  }
  void finish() override {
    writer_.finish();
    bytes_ = out_.bytes();
  }
  std::uint64_t bytes_written() const override { return bytes_; }
  std::uint64_t bytes_raw() const override { return bytes_; }

 private:
  Nowhere out_;
  arrow::ArrowWriter writer_;
  std::atomic<std::uint64_t> bytes_{0};
};

/// Lines of JSON, or vectors as they are beside lines with ids.
class MeasuredLines final : public EmbeddingSink {
 public:
  MeasuredLines(OutputFormat to, const OutputSpec& spec) : to_(to), rows_(spec) {}

  void write(const EmbeddingBlock& block) override {
    for (std::size_t row = 0; row < block.rows.size(); ++row) {
      line_.clear();
      if (to_ == OutputFormat::npy) {
        rows_.append_id_line(line_, block, row);
      } else {
        rows_.append_embedding_line(line_, block, row);
      }
      out_.write(std::as_bytes(std::span(line_)));
    }
    if (to_ == OutputFormat::npy) {
      out_.write(block.vectors);
      out_.write(std::as_bytes(block.offsets));
    }
    bytes_ = out_.bytes();
  }
  void finish() override {}
  std::uint64_t bytes_written() const override { return bytes_; }
  std::uint64_t bytes_raw() const override { return bytes_; }

 private:
  const OutputFormat to_;
  JsonRows rows_;
  std::string line_;
  Nowhere out_;
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace

std::unique_ptr<EmbeddingSink> open_measured_sink(const RunIdentity& identity,
                                                  const OutputSpec& spec) {
  if (identity.to == OutputFormat::parquet) {
    return std::make_unique<MeasuredParquet>(identity, spec);
  }
  if (identity.to == OutputFormat::arrow) return std::make_unique<MeasuredArrow>(spec);
  return std::make_unique<MeasuredLines>(identity.to, spec);
}

}  // namespace embedtool
