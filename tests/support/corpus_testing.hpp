#pragma once

// What the tests of corpora share: files in a folder that vanishes, sinks and rows by value.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports.hpp"
#include "formats/corpus/corpus.hpp"
#include "tests/support/temp_folder.hpp"

namespace embedtool::testing {

struct RejectRow {
  std::uint32_t file = 0;
  std::uint64_t line = 0;
  std::string id;
  std::string reason;
  std::string bytes;
};

/// Keeps rejects by value.
class RejectList final : public RejectSink {
 public:
  void add(const Reject& r) override {
    rows.push_back(
        {r.file, r.line, std::string(r.id), std::string(r.reason), std::string(r.bytes)});
  }
  std::vector<RejectRow> rows;
};

struct Row {
  RecordKind kind = RecordKind::text;
  std::string id;
  std::string text;
  std::vector<TokenId> ids;
  std::vector<float> vector;
  std::vector<std::optional<std::string>> kept;
  std::uint32_t file = 0;
  std::uint64_t ordinal = 0;
  std::uint64_t line = 0;

  bool operator==(const Row&) const = default;
};

void append_rows(const DocumentBlock& block, std::vector<Row>& rows);

/// A whole corpus.
struct Corpus {
  std::vector<Row> rows;
  std::vector<RejectRow> rejects;
  SourceProgress progress;
};

Corpus read_corpus(const CorpusOptions& options, BlockLimits limits = {100, 1 << 20});

/// `bytes` as the corpus of one file; its name's ending tells the format.
Corpus read_bytes(std::string_view bytes, const std::string& name, CorpusOptions options = {});

}  // namespace embedtool::testing
