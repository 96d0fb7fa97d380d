// Tokenizers on real text, one thread: EMBEDTOOL_BENCH_CORPUS is a corpus (JSONL, any compression),
// EMBEDTOOL_BENCH_TOKENIZERS a folder of tokenizer folders; both default to the development data.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "formats/corpus/corpus.hpp"
#include "formats/corpus/dropped_rejects.hpp"
#include "formats/tokenizer/tokenizer_files.hpp"

namespace {

using namespace embedtool;

std::string setting(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

std::vector<std::string> read_texts(const std::string& path) {
  DroppedRejects rejects;
  CorpusOptions options;
  options.inputs = {path};
  const auto source = open_corpus(options, rejects);
  DocumentBlock block;
  std::vector<std::string> out;
  while (source->read(block, {100000, std::size_t{64} << 20U})) {
    for (const Record& record : block.records) out.emplace_back(block.text(record));
  }
  return out;
}

void tokenize(benchmark::State& state, const std::string& folder, const std::string& corpus,
              std::size_t max_tokens) {
  const auto tokenizer = load_tokenizer_from_path(folder);
  const auto texts = read_texts(corpus);
  const auto scratch = tokenizer->make_scratch();
  std::vector<TokenId> ids;
  std::size_t tokens = 0;
  for ([[maybe_unused]] const auto _ : state) {
    for (const std::string& text : texts) {
      ids.clear();
      tokens += tokenizer->encode(text, {max_tokens, true}, *scratch, ids).n_tokens;
      benchmark::DoNotOptimize(ids.data());
    }
  }
  state.SetLabel(std::string(tokenizer->kind()));
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsRate);
}

[[maybe_unused]] const bool registered = [] {
  namespace fs = std::filesystem;
  const fs::path shared = setting("EMBEDTOOL_SHARED", "../shared");
  const fs::path folder =
      setting("EMBEDTOOL_BENCH_TOKENIZERS", (shared / "data/tokenizers").string());
  const std::string corpora = (shared / "data/corpora").string();
  const std::string given = setting("EMBEDTOOL_BENCH_CORPUS", "");
  if (!fs::is_directory(folder)) return false;
  std::vector<std::string> inputs = {given};
  if (given.empty()) {
    inputs = {corpora + "/arxiv_abstracts.jsonl.zst", corpora + "/bench_mixed.jsonl.zst",
              corpora + "/wiki_paragraphs_multi.jsonl.zst"};
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    try {
      load_tokenizer_from_path(entry.path().string());
    } catch (const Error&) {
      continue;  // a kind that is not supported, or no tokenizer at all
    }
    for (const std::string& input : inputs) {
      const std::string name = entry.path().filename().string() + "/" +
                               fs::path(input).filename().stem().stem().string();
      benchmark::RegisterBenchmark(name.c_str(), [entry, input](benchmark::State& state) {
        tokenize(state, entry.path().string(), input, 512);
      });
    }
  }
  return true;
}();

}  // namespace
