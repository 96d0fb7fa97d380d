#include "cli/search_scorer.hpp"

#include <algorithm>
#include <span>
#include <unordered_map>
#include <utility>

#include "cli/search_queries.hpp"
#include "core/base/error.hpp"
#include "formats/output/shard_values.hpp"

namespace embedtool {
namespace {

class VectorScorer : public RowScorer {
 public:
  VectorScorer(OutputSpec spec, const EncodedQueries& queries, std::size_t k, Similarity similarity,
               std::size_t threads)
      : spec_(std::move(spec)),
        many_(similarity == Similarity::max_sim),
        top_({queries.vectors,
              many_ ? std::span(queries.offsets) : std::span<const std::uint64_t>()},
             spec_.dims, k, similarity, threads) {}

  void offer(const OutputBlock& block, std::uint64_t first_row) override {
    const std::size_t count = many_ ? block.offsets.back() : block.rows.size();
    values_.resize(count * spec_.dims);
    values_of(spec_, block.vectors.data(), count, values_.data());
    top_.offer({values_, block.offsets}, first_row);
  }
  std::vector<Match> matches(std::size_t query) const override { return top_.matches(query); }

 private:
  OutputSpec spec_;
  bool many_;  ///< vectors a row
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
  WeightScorer(const ReadyModel& model, const EncodedQueries& queries, std::size_t k)
      : best_(queries.offsets.size() - 1, k), scores_(best_.queries()) {
    const auto names = token_names(model);
    for (std::size_t q = 0; q < scores_.size(); ++q) {
      for (std::uint64_t i = queries.offsets[q]; i < queries.offsets[q + 1]; ++i) {
        const SparseEntry& entry = queries.weights[i];
        weights_[(*names)[static_cast<std::size_t>(entry.token)]].push_back({q, entry.weight});
      }
    }
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
                                       const std::vector<std::string>& queries,
                                       const SearchLimits& limits) {
  const EncodedQueries encoded = encode_queries(model, queries, limits.threads);
  if (spec.kind == RowKind::sparse) {
    return std::make_unique<WeightScorer>(model, encoded, limits.k);
  }
  const Similarity similarity =
      spec.kind == RowKind::multi ? Similarity::max_sim : similarity_of(model.loaded);
  return std::make_unique<VectorScorer>(spec, encoded, limits.k, similarity, limits.threads);
}

}  // namespace embedtool
