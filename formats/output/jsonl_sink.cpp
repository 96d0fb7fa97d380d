#include <atomic>
#include <cstddef>
#include <span>
#include <string>

#include "formats/io/fd_sink.hpp"
#include "formats/output/json_rows.hpp"
#include "formats/output/shard_sinks.hpp"
#include "formats/parquet/parquet_schema.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kFlushBytes = std::size_t{256} << 10;
constexpr const char* kFileName = "embeddings.jsonl";

/// Lines into a ByteSink, in pieces of some 256 KiB, all of them before write() returns.
class Lines {
 public:
  Lines(const OutputSpec& spec, ByteSink& out) : rows_(spec), out_(out) {
    parquet::check_spec(spec);
  }

  void write(const EmbeddingBlock& block) {
    for (std::size_t row = 0; row < block.rows.size(); ++row) {
      rows_.append_embedding_line(buffer_, block, row);
      if (buffer_.size() >= kFlushBytes) flush();
    }
    flush();
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void flush() {
    out_.write(std::as_bytes(std::span(buffer_)));
    bytes_ += buffer_.size();
    buffer_.clear();
  }

  JsonRows rows_;
  ByteSink& out_;
  std::string buffer_;
  std::atomic<std::uint64_t> bytes_{0};
};

class JsonlStream final : public EmbeddingSink {
 public:
  JsonlStream(int fd, const std::string& name, const OutputSpec& spec,
              const std::atomic<bool>* stop)
      : out_(fd, name, stop), lines_(spec, out_) {}

  void write(const EmbeddingBlock& block) override { lines_.write(block); }
  void finish() override {}  // what is written is gone: there is nothing to publish
  std::uint64_t bytes_written() const override { return lines_.bytes(); }
  std::uint64_t bytes_raw() const override { return lines_.bytes(); }

 private:
  FdSink out_;
  Lines lines_;
};

class JsonlFile final : public EmbeddingSink {
 public:
  JsonlFile(RunDirectory& run, const OutputSpec& spec)
      : run_(run), file_(run.directory(), kFileName), lines_(spec, file_) {}

  void write(const EmbeddingBlock& block) override {
    lines_.write(block);
    rows_ += block.rows.size();
  }
  void finish() override {
    const FileDigest digest = file_.publish();
    run_.commit_file({kFileName, digest.bytes, digest.hash});
    run_.set_rows(rows_);
  }
  std::uint64_t bytes_written() const override { return lines_.bytes(); }
  std::uint64_t bytes_raw() const override { return lines_.bytes(); }

 private:
  RunDirectory& run_;
  DurableFile file_;
  Lines lines_;
  std::uint64_t rows_ = 0;
};

}  // namespace

std::unique_ptr<EmbeddingSink> open_jsonl_sink(RunDirectory& run, const OutputSpec& spec) {
  return std::make_unique<JsonlFile>(run, spec);
}

std::unique_ptr<EmbeddingSink> open_jsonl_stream(int fd, const std::string& name,
                                                 const OutputSpec& spec,
                                                 const std::atomic<bool>* stop) {
  return std::make_unique<JsonlStream>(fd, name, spec, stop);
}

}  // namespace embedtool
