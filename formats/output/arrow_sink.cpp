#include <atomic>
#include <span>
#include <string>
#include <vector>

#include "formats/arrow/arrow_writer.hpp"
#include "formats/io/append_bytes.hpp"
#include "formats/io/fd_sink.hpp"
#include "formats/output/shard_sinks.hpp"
#include "formats/parquet/parquet_schema.hpp"

namespace embedtool {
namespace {

using arrow::ArrowWriter;

constexpr const char* kFileName = "embeddings.arrow";

/// Arrow's messages into a ByteSink. A message has many small buffers: they are joined.
class Messages {
 public:
  Messages(const OutputSpec& spec, ArrowWriter::Form form, ByteSink& out)
      : out_(out), writer_(checked(spec), form, joined_) {}

  /// All of the block is written before this returns.
  void write(const EmbeddingBlock& block) {
    writer_.write(block);
    flush();
  }
  void finish() {
    writer_.finish();
    flush();
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  class Joined final : public ByteSink {
   public:
    void write(std::span<const std::byte> more) override { append_bytes(bytes, more); }
    std::vector<std::byte> bytes;
  };

  static const OutputSpec& checked(const OutputSpec& spec) {
    parquet::check_spec(spec);
    return spec;
  }
  void flush() {
    out_.write(joined_.bytes);
    bytes_ += joined_.bytes.size();
    joined_.bytes.clear();
  }

  ByteSink& out_;
  Joined joined_;
  ArrowWriter writer_;
  std::atomic<std::uint64_t> bytes_{0};
};

class ArrowStream final : public EmbeddingSink {
 public:
  ArrowStream(int fd, const std::string& name, const OutputSpec& spec,
              const std::atomic<bool>* stop)
      : out_(fd, name, stop), messages_(spec, ArrowWriter::Form::stream, out_) {}

  void write(const EmbeddingBlock& block) override { messages_.write(block); }
  void finish() override { messages_.finish(); }
  std::uint64_t bytes_written() const override { return messages_.bytes(); }
  std::uint64_t bytes_raw() const override { return messages_.bytes(); }

 private:
  FdSink out_;
  Messages messages_;
};

class ArrowFile final : public EmbeddingSink {
 public:
  ArrowFile(RunDirectory& run, const OutputSpec& spec)
      : run_(run),
        file_(run.directory(), kFileName),
        messages_(spec, ArrowWriter::Form::file, file_) {}

  void write(const EmbeddingBlock& block) override {
    messages_.write(block);
    rows_ += block.rows.size();
  }
  void finish() override {
    messages_.finish();
    const FileDigest digest = file_.publish();
    run_.commit_file({kFileName, digest.bytes, digest.hash});
    run_.set_rows(rows_);
  }
  std::uint64_t bytes_written() const override { return messages_.bytes(); }
  std::uint64_t bytes_raw() const override { return messages_.bytes(); }

 private:
  RunDirectory& run_;
  DurableFile file_;
  Messages messages_;
  std::uint64_t rows_ = 0;
};

}  // namespace

std::unique_ptr<EmbeddingSink> open_arrow_sink(RunDirectory& run, const OutputSpec& spec) {
  return std::make_unique<ArrowFile>(run, spec);
}

std::unique_ptr<EmbeddingSink> open_arrow_stream(int fd, const std::string& name,
                                                 const OutputSpec& spec,
                                                 const std::atomic<bool>* stop) {
  return std::make_unique<ArrowStream>(fd, name, spec, stop);
}

}  // namespace embedtool
