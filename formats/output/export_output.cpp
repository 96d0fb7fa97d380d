#include "formats/output/export_output.hpp"

#include <memory>
#include <span>
#include <utility>

#include "core/base/error.hpp"
#include "formats/arrow/arrow_writer.hpp"
#include "formats/io/fd_sink.hpp"
#include "formats/output/export_columns.hpp"
#include "formats/output/export_formats.hpp"
#include "formats/output/npy.hpp"
#include "formats/output/shard_reader.hpp"
#include "formats/parquet/parquet_writer.hpp"

namespace embedtool {
namespace {

constexpr BlockLimits kBlock{4096, std::size_t{8} << 20};

// Every format but npy is a RowWriter to a ByteSink, which is a file that appears at the end or the
// caller's descriptor.

/// Calls write(block) for all rows.
template <typename Write>
ExportCounts copy_rows(OutputReader& reader, ExportColumns& columns, Write&& write) {
  ExportCounts counts;
  OutputBlock block;
  while (reader.read(block, kBlock)) {
    columns.change(block);
    write(block.view());
    counts.rows += block.rows.size();
    counts.vectors += reader.spec().kind == RowKind::sparse
                          ? block.weights.size()
                          : block.vectors.size() / reader.spec().vector_bytes();
  }
  return counts;
}

class JsonlWriter final : public RowWriter {
 public:
  JsonlWriter(const OutputSpec& spec, JsonEmbedding embedding, ByteSink& out)
      : json_(spec, embedding), out_(out) {}

  void write(const EmbeddingBlock& block) override {
    lines_.clear();
    for (std::size_t row = 0; row < block.rows.size(); ++row) {
      json_.append_embedding_line(lines_, block, row);
    }
    out_.write(std::as_bytes(std::span(lines_)));
  }

 private:
  JsonRows json_;
  ByteSink& out_;
  std::string lines_;
};

/// One file for many shards: what the shards say of their model goes along, and their settings.
class ParquetRows final : public RowWriter {
 public:
  ParquetRows(const OutputSpec& spec, const ParquetOptions& options, ByteSink& out)
      : writer_(spec, options) {
    writer_.begin(out);
  }
  void write(const EmbeddingBlock& block) override { writer_.append(block, 0, block.rows.size()); }
  void finish() override { writer_.end(); }

 private:
  ParquetWriter writer_;
};

/// To a descriptor a stream, which is read from the front; to a file the form with a footer.
class ArrowRows final : public RowWriter {
 public:
  ArrowRows(const OutputSpec& spec, arrow::ArrowWriter::Form form, ByteSink& out)
      : writer_(spec, form, out) {}
  void write(const EmbeddingBlock& block) override { writer_.write(block); }
  void finish() override { writer_.finish(); }

 private:
  arrow::ArrowWriter writer_;
};

/// The vectors alone. Of a multi-vector output their number is known only at the end.
class NpyStream final : public RowWriter {
 public:
  NpyStream(const OutputReader& reader, ByteSink& out, const std::string& name) : out_(out) {
    if (reader.spec().kind == RowKind::multi) {
      throw Error(
          ExitCode::usage,
          "{}: a multi-vector output cannot be streamed as npy, because the npy header comes "
          "first and holds the number of vectors; export to a file",
          name);
    }
    out.write(npy_vectors_header(reader.spec(), reader.rows()));
  }
  void write(const EmbeddingBlock& block) override { out_.write(block.vectors); }

 private:
  ByteSink& out_;
};

/// Outputs of the first format know tokens by their names only.
void refuse_without_numbers(const OutputReader& reader, const std::string& name) {
  const RunIdentity& identity = reader.manifest().identity;
  if (reader.spec().kind != RowKind::sparse || parquet_options(identity).indexed) return;
  throw Error(ExitCode::usage,
              "{}: an earlier version of embedtool wrote this output, without the tokens' numbers "
              "that pgcopy needs; encode it again, or export to jsonl or csv",
              name);
}

/// Where an export goes.
struct Destination {
  ByteSink& out;
  std::string name;  ///< for messages
  bool is_file = false;
};

/// `spec`: of the rows as they are exported.
std::unique_ptr<RowWriter> open_rows(const OutputReader& reader, OutputSpec spec,
                                     ExportFormat format, const Destination& to,
                                     const ExportOptions& options) {
  switch (format) {
    case ExportFormat::npy:
      return std::make_unique<NpyStream>(reader, to.out, to.name);
    case ExportFormat::jsonl:
      return std::make_unique<JsonlWriter>(spec, options.embedding_as, to.out);
    case ExportFormat::csv:
      return open_csv(spec, to.out);
    case ExportFormat::fvecs:
      return open_fvecs(spec, to.out, to.name);
    case ExportFormat::bvecs:
      return open_bvecs(spec, to.out, to.name);
    case ExportFormat::pgcopy:
      refuse_without_numbers(reader, to.name);
      return open_pgcopy(spec, options.id_type, to.out, to.name);
    case ExportFormat::faiss:
      return open_faiss(spec, reader.rows(), to.out, to.name);
    case ExportFormat::parquet:
      spec.metadata = reader.shard_metadata();
      return std::make_unique<ParquetRows>(spec, parquet_options(reader.manifest().identity),
                                           to.out);
    case ExportFormat::arrow:
      break;
  }
  using Form = arrow::ArrowWriter::Form;
  spec.metadata = reader.shard_metadata();
  return std::make_unique<ArrowRows>(spec, to.is_file ? Form::file : Form::stream, to.out);
}

ExportCounts write_format(OutputReader& reader, ExportFormat format, const Destination& to,
                          const ExportOptions& options) {
  ExportColumns columns(reader.spec(), options.id_type, options.row_numbers, reader.path());
  const std::unique_ptr<RowWriter> writer = open_rows(reader, columns.spec(), format, to, options);
  ExportCounts counts =
      copy_rows(reader, columns, [&](const EmbeddingBlock& block) { writer->write(block); });
  writer->finish();
  if (format == ExportFormat::pgcopy) {
    counts.table = pgcopy_table(columns.spec(), options.id_type, "items");
  }
  return counts;
}

void refuse_sparse_npy(const OutputReader& reader, ExportFormat format, const std::string& name) {
  if (format != ExportFormat::npy || reader.spec().kind != RowKind::sparse) return;
  throw Error(ExitCode::usage,
              "{}: a sparse output holds token weights, which npy cannot store; export to jsonl, "
              "csv or parquet",
              name);
}

/// "dir/name" → ("dir/", "name").
std::pair<std::string, std::string> split(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return {".", path};
  return {path.substr(0, slash + 1), path.substr(slash + 1)};
}

// Asked before the work as well as settled by it: an export may take an hour.
void refuse_existing(const Directory& directory, const std::string& name,
                     const ExportOptions& options) {
  struct stat info {};
  const bool there = directory.ops().status_at(directory.fd(), name.c_str(), &info) == 0;
  if (!there) return;
  if (!options.overwrite) {
    throw Error(ExitCode::usage, "{}: already exists; add --overwrite to replace it",
                directory.path_of(name));
  }
  if (!S_ISREG(info.st_mode)) {
    throw Error(ExitCode::usage, "{}: is not a regular file and will not be replaced",
                directory.path_of(name));
  }
}

ExportCounts export_npy(OutputReader& reader, const Directory& directory, const std::string& name,
                        const ExportOptions& options) {
  const std::string stem = name.ends_with(".npy") ? name.substr(0, name.size() - 4) : name;
  const NpyNames names{name, stem + ".ids.jsonl", stem + ".offsets.npy"};
  refuse_existing(directory, names.ids, options);
  if (reader.spec().kind == RowKind::multi) refuse_existing(directory, names.offsets, options);
  NpyFiles files(directory, names, reader.spec());
  ExportColumns columns(reader.spec(), options.id_type, options.row_numbers, reader.path());
  ExportCounts counts =
      copy_rows(reader, columns, [&](const EmbeddingBlock& block) { files.write(block); });
  files.finish();
  counts.beside.push_back(directory.path_of(names.ids));
  if (reader.spec().kind == RowKind::multi)
    counts.beside.push_back(directory.path_of(names.offsets));
  return counts;
}

}  // namespace

ExportCounts export_output(const std::string& directory, ExportFormat format,
                           const std::string& path, const ExportOptions& options) {
  OutputReader reader(directory);
  const auto [parent, name] = split(path);
  if (name.empty()) throw Error(ExitCode::usage, "{}: is a directory; name a file", path);
  refuse_sparse_npy(reader, format, path);
  const Directory target(parent, false);
  refuse_existing(target, name, options);
  if (format == ExportFormat::npy) return export_npy(reader, target, name, options);
  DurableFile file(target, name);
  const ExportCounts counts = write_format(reader, format, {file, path, true}, options);
  file.publish();
  return counts;
}

ExportCounts export_stream(const std::string& directory, ExportFormat format, int fd,
                           const std::string& name, const ExportOptions& options) {
  OutputReader reader(directory);
  refuse_sparse_npy(reader, format, name);
  FdSink out(fd, name);
  return write_format(reader, format, {out, name, false}, options);
}

}  // namespace embedtool
