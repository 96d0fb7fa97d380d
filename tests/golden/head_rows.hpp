#pragma once

// Texts through the whole pipeline, from a corpus to the rows that a sink receives, for heads whose
// rows are of different lengths.

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/math/gemm_backends.hpp"
#include "core/pipeline/run.hpp"
#include "formats/corpus/corpus.hpp"
#include "formats/model/load_model.hpp"
#include "formats/output/rejects.hpp"
#include "tests/support/temp_folder.hpp"

namespace embedtool::golden {

struct Row {
  std::uint32_t n_tokens = 0;
  std::vector<std::vector<float>> vectors;
  std::vector<SparseEntry> weights;  ///< of a sparse head, in the order that they came in
};

/// Keeps what it is given.
class RowSink : public EmbeddingSink {
 public:
  explicit RowSink(OutputSpec spec) : spec_(std::move(spec)) {}
  void write(const EmbeddingBlock& block) override {
    for (std::size_t r = 0; r < block.rows.size(); ++r) {
      Row& row = rows.emplace_back();
      row.n_tokens = block.rows[r].n_tokens;
      if (spec_.kind == RowKind::sparse) {
        const auto weights = block.weights_of(r);
        row.weights.assign(weights.begin(), weights.end());
        continue;
      }
      const auto* values =
          reinterpret_cast<const float*>(block.vectors_of(r, spec_.vector_bytes()).data());
      for (std::size_t v = 0; v < block.count_of(r); ++v) {
        row.vectors.emplace_back(values + v * spec_.dims, values + (v + 1) * spec_.dims);
      }
    }
  }
  void finish() override {}
  std::uint64_t bytes_written() const override { return 0; }
  std::uint64_t bytes_raw() const override { return 0; }

  std::vector<Row> rows;

 private:
  OutputSpec spec_;
};

inline std::filesystem::path head_folder(const std::string& name) {
  return std::filesystem::path(EMBEDTOOL_SOURCE_DIR) / "tests/golden/heads" / name;
}

inline nlohmann::json golden_of(const std::filesystem::path& folder) {
  std::ifstream file(folder / "golden.json");
  return nlohmann::json::parse(file);
}

/// Rows of `texts`, in small batches so that queries and lengths mix.
inline std::vector<Row> encode_texts(const LoadedModel& model,
                                     const std::vector<std::string>& texts) {
  const testing::TempFolder scratch;
  const std::string corpus = scratch / "texts.jsonl";
  std::ofstream lines(corpus);
  for (const std::string& text : texts) lines << nlohmann::json{{"text", text}}.dump() << "\n";
  lines.close();
  const Encoder encoder(model.spec, model.head, *model.weights, select_gemm("", Compute::f32));
  OutputSpec spec;
  spec.dims = encoder.dims();
  spec.kind = encoder.kind();
  RejectLog rejects({});
  CorpusOptions input;
  input.inputs = {corpus};
  const auto source = open_corpus(input, rejects);
  RowSink sink(spec);
  RunOptions options;
  options.threads = 2;
  options.batch.texts = 4;
  options.max_tokens = model.max_tokens.value;
  StageClock clock;
  run(*source, model.tokenizer.get(), encoder, spec, sink, rejects, options, clock);
  return sink.rows;
}

}  // namespace embedtool::golden
