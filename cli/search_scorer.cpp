#include "cli/search_scorer.hpp"

#include <algorithm>
#include <functional>
#include <span>
#include <unordered_map>
#include <utility>

#include "core/base/error.hpp"
#include "formats/output/shard_values.hpp"

namespace embedtool {
namespace {

/// Calls take(query's number, batch of it) for each query.
void tokenize_queries(const ReadyModel& model, const std::vector<std::string>& queries,
                      const std::function<void(std::size_t, const Batch&)>& take) {
  const TokenSettings settings = token_settings(model);
  TokenFeed feed(settings);
  std::vector<TokenId> ids;
  for (std::size_t q = 0; q < queries.size(); ++q) {
    ids.clear();
    feed.append(queries[q], ids);
    const std::vector<std::uint32_t> offsets{0, static_cast<std::uint32_t>(ids.size())};
    take(q, {ids, offsets});
  }
}

/// Vectors of the queries, [queries, dims].
std::vector<float> encode_queries(const ReadyModel& model,
                                  const std::vector<std::string>& queries) {
  const std::size_t dims = model.encoder->dims();
  std::vector<float> vectors(queries.size() * dims);
  Workspace workspace;
  RowBatch rows;
  StageClock clock;
  tokenize_queries(model, queries, [&](std::size_t q, const Batch& batch) {
    model.encoder->encode(batch, workspace, clock, rows);
    std::copy_n(rows.vectors.data(), dims, vectors.data() + q * dims);
  });
  return vectors;
}

class VectorScorer : public RowScorer {
 public:
  VectorScorer(OutputSpec spec, std::vector<float> queries, std::size_t k, Similarity similarity)
      : spec_(std::move(spec)),
        queries_(std::move(queries)),
        top_(queries_, spec_.dims, k, similarity) {}

  void offer(const OutputBlock& block, std::uint64_t first_row) override {
    values_.resize(block.rows.size() * spec_.dims);
    values_of(spec_, block.vectors.data(), block.rows.size(), values_.data());
    top_.offer(values_, first_row);
  }
  std::vector<Match> matches(std::size_t query) const override { return top_.matches(query); }

 private:
  OutputSpec spec_;
  std::vector<float> queries_;
  TopK top_;
  std::vector<float> values_;
};

/// What a token weighs in a query.
struct QueryWeight {
  std::size_t query = 0;
  float weight = 0.0F;
};

class WeightScorer : public RowScorer {
 public:
  WeightScorer(const ReadyModel& model, const std::vector<std::string>& queries, std::size_t k)
      : best_(queries.size(), k), scores_(queries.size()) {
    const auto names = token_names(model);
    Workspace workspace;
    StageClock clock;
    RowBatch rows;
    tokenize_queries(model, queries, [&](std::size_t q, const Batch& batch) {
      model.encoder->encode(batch, workspace, clock, rows);
      for (const SparseEntry& entry : rows.weights) {
        weights_[(*names)[static_cast<std::size_t>(entry.token)]].push_back({q, entry.weight});
      }
    });
  }

  void offer(const OutputBlock& block, std::uint64_t first_row) override {
    learn_tokens(block.tokens.names());
    const EmbeddingBlock view = block.view();
    for (std::size_t row = 0; row < block.rows.size(); ++row) {
      scores_.assign(scores_.size(), 0.0F);
      for (const SparseEntry& entry : view.weights_of(row)) {
        const auto* shared = by_number_[static_cast<std::size_t>(entry.token)];
        if (shared == nullptr) continue;
        for (const QueryWeight& q : *shared) scores_[q.query] += q.weight * entry.weight;
      }
      for (std::size_t q = 0; q < scores_.size(); ++q)
        best_.offer(q, {first_row + row, scores_[q]});
    }
  }
  std::vector<Match> matches(std::size_t query) const override { return best_.matches(query); }

 private:
  /// The block numbers tokens as it meets them; looked up once each.
  void learn_tokens(std::span<const std::string> names) {
    for (std::size_t i = by_number_.size(); i < names.size(); ++i) {
      const auto known = weights_.find(names[i]);
      by_number_.push_back(known == weights_.end() ? nullptr : &known->second);
    }
  }

  BestMatches best_;
  std::vector<float> scores_;  ///< of a row, by query
  std::unordered_map<std::string, std::vector<QueryWeight>> weights_;
  std::vector<const std::vector<QueryWeight>*> by_number_;
};

/// What the model's authors compare vectors by; cosine unless they say otherwise.
Similarity similarity_of(const LoadedModel& model) {
  if (model.similarity == "dot" || model.similarity == "dot_score") return Similarity::dot;
  if (model.similarity == "euclidean" || model.similarity == "manhattan") {
    throw Error(ExitCode::usage,
                "{} compares vectors by {} distance; search knows only cosine similarity and dot "
                "product: use an index that has that distance",
                model.name, model.similarity);
  }
  return Similarity::cosine;
}

}  // namespace

std::unique_ptr<RowScorer> make_scorer(const ReadyModel& model, const OutputSpec& spec,
                                       const std::vector<std::string>& queries, std::size_t k) {
  if (spec.kind == RowKind::sparse) return std::make_unique<WeightScorer>(model, queries, k);
  const Similarity similarity = similarity_of(model.loaded);
  return std::make_unique<VectorScorer>(spec, encode_queries(model, queries), k, similarity);
}

}  // namespace embedtool
