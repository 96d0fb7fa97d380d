#include "cli/search_queries.hpp"

#include <cstring>

#include "core/base/error.hpp"
#include "core/base/profile.hpp"
#include "core/pipeline/run.hpp"

namespace embedtool {
namespace {

class QuerySource final : public DocumentSource {
 public:
  explicit QuerySource(const std::vector<std::string>& queries) : queries_(queries) {}

  bool read(DocumentBlock& block, const BlockLimits& limits) override {
    block.clear();
    while (next_ < queries_.size() && block.records.size() < limits.records &&
           block.byte_size() < limits.bytes) {
      Record record;
      record.ordinal = record.position = next_;
      record.line = next_ + 1;
      record.payload = block.append(queries_[next_++]);
      block.records.push_back(record);
    }
    block.end = next_;
    return !block.records.empty();
  }
  SourceProgress progress() const override { return {}; }
  std::span<const std::string> file_names() const override { return names_; }

 private:
  const std::vector<std::string>& queries_;
  std::size_t next_ = 0;
  std::vector<std::string> names_{"queries"};
};

class QuerySink final : public EmbeddingSink {
 public:
  explicit QuerySink(EncodedQueries& queries) : queries_(queries) {}

  void write(const EmbeddingBlock& block) override {
    for (std::size_t row = 0; row < block.rows.size(); ++row) {
      queries_.offsets.push_back(queries_.offsets.back() + block.count_of(row));
    }
    const std::size_t before = queries_.vectors.size();
    queries_.vectors.resize(before + block.vectors.size() / sizeof(float));
    if (!block.vectors.empty()) {
      std::memcpy(queries_.vectors.data() + before, block.vectors.data(), block.vectors.size());
    }
    queries_.weights.insert(queries_.weights.end(), block.weights.begin(), block.weights.end());
  }
  void finish() override {}
  std::uint64_t bytes_written() const override { return 0; }
  std::uint64_t bytes_raw() const override { return 0; }

 private:
  EncodedQueries& queries_;
};

/// No query is left out: those that are too long are cut off.
class NoRejects final : public RejectSink {
 public:
  void add(const Reject& reject) override {
    throw Error(ExitCode::bad_record, "query {}: {}", reject.line, reject.reason);
  }
};

}  // namespace

EncodedQueries encode_queries(const ReadyModel& model, const std::vector<std::string>& queries,
                              std::size_t threads) {
  const TokenSettings tokens = token_settings(model);
  RunOptions options;
  options.threads = threads;
  options.prompt = tokens.prompt;
  options.max_tokens = tokens.max_tokens;
  OutputSpec spec;
  spec.kind = model.encoder->kind();
  spec.dims = model.encoder->dims();
  QuerySource source(queries);
  EncodedQueries encoded;
  QuerySink sink(encoded);
  NoRejects rejects;
  StageClock clock;
  run(source, tokens.tokenizer, *model.encoder, spec, sink, rejects, options, clock);
  return encoded;
}

}  // namespace embedtool
