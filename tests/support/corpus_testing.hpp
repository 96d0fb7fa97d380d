#pragma once

// What the tests of corpora share: files in a folder that vanishes, sinks and rows by value.

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "core/ports.hpp"
#include "formats/corpus/corpus.hpp"

namespace embedtool::testing {

/// A folder of its own for each test, removed at the end.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "embedtool-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).string(); }
  /// Writes a file and returns its path.
  std::string write(const std::string& name, std::string_view bytes) const {
    std::ofstream out(path(name), std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

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

inline void append_rows(const DocumentBlock& block, std::vector<Row>& rows) {
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

/// A whole corpus.
struct Corpus {
  std::vector<Row> rows;
  std::vector<RejectRow> rejects;
  SourceProgress progress;
};

inline Corpus read_corpus(const CorpusOptions& options, BlockLimits limits = {100, 1 << 20}) {
  RejectList rejects;
  const auto source = open_corpus(options, rejects);
  Corpus corpus;
  DocumentBlock block;
  while (source->read(block, limits)) append_rows(block, corpus.rows);
  corpus.rejects = std::move(rejects.rows);
  corpus.progress = source->progress();
  return corpus;
}

/// `bytes` as the corpus of one file; its name's ending tells the format.
inline Corpus read_bytes(std::string_view bytes, const std::string& name,
                         CorpusOptions options = {}) {
  const TempFolder folder;
  options.inputs = {folder.write(name, bytes)};
  return read_corpus(options);
}

}  // namespace embedtool::testing
