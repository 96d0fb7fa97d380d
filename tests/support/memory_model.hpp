#pragma once

// A small random BERT in memory, and sources and sinks that live in memory: everything a pipeline
// needs, without a file.

#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/model/spec.hpp"
#include "core/ports.hpp"

namespace embedtool::testing {

class MemoryWeights final : public WeightSource {
 public:
  void add(const std::string& name, std::vector<std::int64_t> shape, float spread, float center) {
    std::size_t n = 1;
    for (const auto d : shape) n *= static_cast<std::size_t>(d);
    std::vector<float>& data = data_[name];
    std::normal_distribution<float> normal(center, spread);
    for (std::size_t i = 0; i < n; ++i) data.push_back(normal(generator_));
    views_[name] = {name, DType::f32, std::move(shape), std::as_bytes(std::span(data))};
  }
  const TensorView* find(std::string_view name) const override {
    const auto it = views_.find(name);
    return it == views_.end() ? nullptr : &it->second;
  }
  std::vector<std::string_view> names() const override {
    std::vector<std::string_view> out;
    for (const auto& [name, view] : views_) out.push_back(name);
    return out;
  }
  std::string describe() const override { return "memory"; }

 private:
  std::mt19937 generator_{7};
  std::map<std::string, std::vector<float>> data_;
  std::map<std::string, TensorView, std::less<>> views_;
};

/// Lengths of random_sequences(): every eleventh is below `rare`, the others below `common`.
struct SequenceLengths {
  std::size_t rare = 0;
  std::size_t common = 0;
};

/// `n` texts of random ids below `vocab`, always the same: mostly short, some long, some empty,
/// every seventh a copy of an earlier one.
std::vector<std::vector<TokenId>> random_sequences(std::size_t n, std::size_t vocab,
                                                   SequenceLengths lengths);

/// A BERT of odd sizes.
ModelSpec small_bert(std::size_t hidden = 60, std::size_t layers = 2);

void fill_weights(const ModelSpec& s, MemoryWeights& w);
/// Gives the second of small_bert()'s layers six experts, of which a token gets two.
void add_experts(ModelSpec& s, MemoryWeights& w);

/// Records of token ids, from memory.
class IdSource final : public DocumentSource {
 public:
  explicit IdSource(std::vector<std::vector<TokenId>> sequences)
      : sequences_(std::move(sequences)) {}

  bool read(DocumentBlock& block, const BlockLimits& limits) override {
    block.clear();
    while (next_ < sequences_.size() && block.records.size() < limits.records &&
           block.byte_size() < limits.bytes) {
      const auto& ids = sequences_[next_];
      Record r;
      r.kind = RecordKind::token_ids;
      r.ordinal = next_;
      r.line = next_ + 1;
      r.id = block.append(std::to_string(next_));
      r.payload = {block.token_ids.size(), ids.size()};
      block.token_ids.insert(block.token_ids.end(), ids.begin(), ids.end());
      block.records.push_back(r);
      ++next_;
    }
    return !block.records.empty();
  }
  SourceProgress progress() const override { return {}; }
  std::span<const std::string> file_names() const override { return names_; }

 private:
  std::vector<std::vector<TokenId>> sequences_;
  std::size_t next_ = 0;
  std::vector<std::string> names_{"memory"};
};

/// Keeps all rows.
class MemoryRows final : public EmbeddingSink {
 public:
  struct Row {
    std::string id;
    RowInfo info;
    std::vector<std::byte> bytes;
  };

  explicit MemoryRows(std::size_t vector_size) : vector_size_(vector_size) {}

  void write(const EmbeddingBlock& block) override {
    for (std::size_t i = 0; i < block.rows.size(); ++i) {
      const auto bytes = block.vectors.empty() ? std::as_bytes(block.weights_of(i))
                                               : block.vectors_of(i, vector_size_);
      rows.push_back(
          {std::string(block.documents->id(block.documents->records[block.rows[i].record])),
           block.rows[i],
           {bytes.begin(), bytes.end()}});
    }
  }
  void finish() override { finished = true; }
  std::uint64_t bytes_written() const override { return 0; }
  std::uint64_t bytes_raw() const override { return 0; }

  std::vector<Row> rows;
  bool finished = false;

 private:
  std::size_t vector_size_;
};

class NoRejects final : public RejectSink {
 public:
  void add(const Reject&) override { ++count; }
  std::size_t count = 0;
};

}  // namespace embedtool::testing
