#include <algorithm>
#include <atomic>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/io/fd_sink.hpp"
#include "formats/output/json_rows.hpp"
#include "formats/output/shard_sinks.hpp"
#include "formats/parquet/parquet_schema.hpp"

namespace embedtool {
namespace {

constexpr const char* kFileName = "embeddings.jsonl";

/// Lines into a ByteSink, all of them before write() returns. Numbers become text in jobs, slice by
/// slice of the rows, some 256 KiB of text each.
class Lines {
 public:
  Lines(const OutputSpec& spec, ByteSink& out) : out_(out), slices_(kSlices, Slice(spec)) {
    parquet::check_spec(spec);
  }

  void set_runner(JobRunner* runner) { jobs_.set_runner(runner); }

  void write(const EmbeddingBlock& block) {
    const std::size_t rows = block.rows.size();
    const std::size_t bytes = block.vectors.size() + block.weights.size_bytes();
    const std::size_t at_once = std::max<std::size_t>(kSliceBytes * rows / (bytes + 1), 1);
    for (std::size_t row = 0; row < rows;) {
      std::size_t used = 0;
      for (; used < kSlices && row < rows; ++used) {
        const std::size_t end = std::min(row + at_once, rows);
        jobs_.add([&slice = slices_[used], &block, row, end] { slice.format(block, row, end); });
        row = end;
      }
      jobs_.wait();
      for (std::size_t i = 0; i < used; ++i) put(slices_[i].text);
    }
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kSlices = 16;
  static constexpr std::size_t kSliceBytes = std::size_t{64} << 10;  ///< of vectors

  struct Slice {
    explicit Slice(const OutputSpec& spec) : rows(spec) {}
    void format(const EmbeddingBlock& block, std::size_t begin, std::size_t end) {
      text.clear();
      for (std::size_t row = begin; row < end; ++row) {
        rows.append_embedding_line(text, block, row);
      }
    }
    JsonRows rows;
    std::string text;
  };

  void put(std::string_view text) {
    out_.write(std::as_bytes(std::span(text)));
    bytes_ += text.size();
  }

  ByteSink& out_;
  std::atomic<std::uint64_t> bytes_{0};
  std::vector<Slice> slices_;
  JobSet jobs_;  ///< last: its jobs use the slices
};

class JsonlStream final : public EmbeddingSink {
 public:
  JsonlStream(int fd, const std::string& name, const OutputSpec& spec,
              const std::atomic<bool>* stop)
      : out_(fd, name, stop), lines_(spec, out_) {}

  void set_runner(JobRunner* runner) override { lines_.set_runner(runner); }
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

  void set_runner(JobRunner* runner) override { lines_.set_runner(runner); }
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
