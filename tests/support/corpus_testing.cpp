#include "tests/support/corpus_testing.hpp"

#include <utility>

namespace embedtool::testing {

void append_rows(const DocumentBlock& block, std::vector<Row>& rows) {
  const std::size_t fields = block.records.empty() ? 0 : block.kept.size() / block.records.size();
  for (std::size_t i = 0; i < block.records.size(); ++i) {
    const Record& record = block.records[i];
    Row row;
    row.kind = record.kind;
    row.id = block.id(record);
    if (record.kind == RecordKind::text) row.text = block.text(record);
    if (record.kind == RecordKind::token_ids) {
      row.ids.assign(block.ids(record).begin(), block.ids(record).end());
    }
    if (record.kind == RecordKind::vector) {
      row.vector.assign(block.vector(record).begin(), block.vector(record).end());
    }
    for (std::size_t f = 0; f < fields; ++f) {
      const Slice s = block.kept[i * fields + f];
      row.kept.push_back(s.is_null() ? std::nullopt : std::optional<std::string>(block.string(s)));
    }
    row.file = record.file;
    row.ordinal = record.ordinal;
    row.line = record.line;
    rows.push_back(std::move(row));
  }
}

Corpus read_corpus(const CorpusOptions& options, BlockLimits limits) {
  RejectList rejects;
  const auto source = open_corpus(options, rejects);
  Corpus corpus;
  DocumentBlock block;
  while (source->read(block, limits)) append_rows(block, corpus.rows);
  corpus.rejects = std::move(rejects.rows);
  corpus.progress = source->progress();
  return corpus;
}

Corpus read_bytes(std::string_view bytes, const std::string& name, CorpusOptions options) {
  const TempFolder folder;
  options.inputs = {folder.write(name, bytes)};
  return read_corpus(options);
}

}  // namespace embedtool::testing
