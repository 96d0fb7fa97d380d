#include "cli/chunk_cost.hpp"

#include "formats/corpus/document_copy.hpp"

namespace embedtool {
namespace {

constexpr BlockLimits kBlock{1024, std::size_t{1} << 20U};

}  // namespace

/// A corpus of one record, again and again.
class ChunkCost::OneRecord final : public DocumentSource {
 public:
  void offer(const DocumentBlock& block, std::size_t index) {
    block_ = &block;
    index_ = index;
  }

  bool read(DocumentBlock& block, const BlockLimits& /*limits*/) override {
    block.clear();
    if (block_ == nullptr) return false;
    copy_record(*block_, index_, block);
    block_ = nullptr;
    return true;
  }
  SourceProgress progress() const override { return {}; }
  std::span<const std::string> file_names() const override { return {}; }

 private:
  const DocumentBlock* block_ = nullptr;
  std::size_t index_ = 0;
};

ChunkCost::ChunkCost(const TokenSettings& tokens, const ChunkOptions& options)
    : joined_(options.join != ChunkJoin::none),
      feed_(tokens),
      record_(std::make_unique<OneRecord>()),
      chunks_(*record_, tokens, options, rejects_) {}

ChunkCost::~ChunkCost() = default;

RecordCost ChunkCost::of(const DocumentBlock& block, const Record& record) {
  const std::uint64_t before = chunks_.counts().chunks;
  record_->offer(block, static_cast<std::size_t>(&record - block.records.data()));
  RecordCost cost;
  while (chunks_.read(cut_, kBlock)) {
    for (const Record& chunk : cut_.records) {
      if (chunk.kind == RecordKind::vector) continue;
      ids_.clear();
      cost.tokens += feed_.append(cut_, chunk, ids_).n_tokens;
    }
  }
  cost.rows = chunks_.counts().chunks - before;
  if (joined_ && cost.rows > 1) cost.rows = 1;
  return cost;
}

}  // namespace embedtool
