#pragma once

// What the fuzz targets of Parquet and Arrow share.

#include "tests/fuzz/corpus_fuzzing.hpp"

namespace embedtool::fuzzing {

/// Rows that a few bytes can claim, nulls say, without end: so many blocks are read of a file.
constexpr int kBlocks = 20;

/// Reads the beginning of a file, in blocks of `limits`: rows and rejects, and the Error that ended
/// it.
inline std::string read_beginning(const CorpusOptions& options, testing::Corpus& corpus) {
  testing::RejectList rejects;
  std::string error;
  try {
    const auto source = open_corpus(options, rejects);
    DocumentBlock block;
    for (int i = 0; i < kBlocks && source->read(block, {100, std::size_t{1} << 20}); ++i) {
      testing::append_rows(block, corpus.rows);
    }
  } catch (const Error& e) {
    error = e.what();
  }
  corpus.rejects = std::move(rejects.rows);
  return error;
}

/// The first byte picks what is asked of the columns; the rest is the file. Reads it twice, with a
/// large and a tiny buffer: rows and rejects are the same, or both times there is an Error, and
/// every string is UTF-8.
inline void read_columns(const std::uint8_t* data, std::size_t size, const std::string& format) {
  if (size == 0) return;
  const unsigned pick = data[0];
  const MemoryFile file(std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
  CorpusOptions options;
  options.inputs = {file.path()};
  options.format = format;
  options.keep = {"n", "lang", "score", "flag", "tags", "meta", "meta.title"};
  if ((pick & 1) != 0) options.keep = {"map", "dec", "utc", "bytes", "f16", "u64"};
  if ((pick & 2) != 0) options.keep.clear();
  if ((pick & 4) != 0) options.vector_field = "emb";
  if ((pick & 8) != 0) options.text_fields = {"messages.0.content", "tags"};
  if ((pick & 16) != 0) options.max_line_bytes = 64;
  if ((pick & 32) != 0) options.ids_field = "emb";
  if ((pick & 64) != 0) options.unpack_bytes = 4096;
  testing::Corpus found[2];
  std::string errors[2];
  for (std::size_t i = 0; i < 2; ++i) {
    options.buffer_bytes = i == 0 ? 65536 : 7;
    errors[i] = read_beginning(options, found[i]);
  }
  // What a damaged compression says of its place, and what was read before it, depends on the
  // buffer.
  require(errors[0].empty() == errors[1].empty(), "an error depends on the buffer");
  if (!errors[0].empty()) return;
  require(found[0].rows == found[1].rows, "rows depend on the buffer");
  require(found[0].rejects.size() == found[1].rejects.size(), "rejects depend on the buffer");
  for (const testing::Row& row : found[0].rows) {
    require(is_utf8(row.text) && is_utf8(row.id), "a text or id is not UTF-8");
    for (const auto& kept : row.kept) require(!kept || is_utf8(*kept), "kept is not UTF-8");
  }
}

}  // namespace embedtool::fuzzing
