#include <atomic>

#include "formats/output/npy.hpp"
#include "formats/output/shard_sinks.hpp"

namespace embedtool {
namespace {

class NpySink final : public EmbeddingSink {
 public:
  NpySink(RunDirectory& run, const OutputSpec& spec)
      : run_(run),
        files_(run.directory(), {"embeddings.npy", "ids.jsonl", "offsets.npy"}, spec),
        bytes_(files_.bytes()) {}

  void write(const EmbeddingBlock& block) override {
    files_.write(block);
    bytes_ = files_.bytes();
  }
  void finish() override {
    for (const FileEntry& file : files_.finish()) run_.commit_file(file);
    run_.set_rows(files_.rows());
  }
  std::uint64_t bytes_written() const override { return bytes_; }
  std::uint64_t bytes_raw() const override { return bytes_; }

 private:
  RunDirectory& run_;
  NpyFiles files_;
  std::atomic<std::uint64_t> bytes_;
};

}  // namespace

std::unique_ptr<EmbeddingSink> open_npy_sink(RunDirectory& run, const OutputSpec& spec) {
  return std::make_unique<NpySink>(run, spec);
}

}  // namespace embedtool
