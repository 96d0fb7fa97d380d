#include "formats/output/export_output.hpp"

#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "core/base/error.hpp"
#include "formats/io/fd_sink.hpp"
#include "formats/output/json_rows.hpp"
#include "formats/output/npy.hpp"
#include "formats/output/shard_reader.hpp"
#include "formats/output/shard_values.hpp"
#include "formats/parquet/parquet_writer.hpp"

namespace embedtool {
namespace {

constexpr BlockLimits kBlock{4096, std::size_t{8} << 20};

// Every format is a function from blocks of rows to a ByteSink, which is a file that appears at the
// end or the caller's descriptor.

/// Calls write(block) for all rows.
template <typename Write>
ExportCounts copy_rows(OutputReader& reader, Write&& write) {
  ExportCounts counts;
  OutputBlock block;
  while (reader.read(block, kBlock)) {
    write(block.view());
    counts.rows += block.rows.size();
    counts.vectors += reader.spec().kind == RowKind::sparse
                          ? block.weights.size()
                          : block.vectors.size() / reader.spec().vector_bytes();
  }
  return counts;
}

ExportCounts write_jsonl(OutputReader& reader, ByteSink& out) {
  JsonRows json(reader.spec());
  std::string lines;
  return copy_rows(reader, [&](const EmbeddingBlock& block) {
    lines.clear();
    for (std::size_t row = 0; row < block.rows.size(); ++row) {
      json.append_embedding_line(lines, block, row);
    }
    out.write(std::as_bytes(std::span(lines)));
  });
}

ExportCounts write_fvecs(OutputReader& reader, ByteSink& out) {
  const OutputSpec& spec = reader.spec();
  const std::size_t size = spec.vector_bytes();
  const auto dims = static_cast<std::int32_t>(spec.dims);
  std::vector<float> values(spec.dims);
  std::vector<std::byte> bytes;
  return copy_rows(reader, [&](const EmbeddingBlock& block) {
    bytes.clear();
    for (std::size_t at = 0; at < block.vectors.size(); at += size) {
      values_of(spec, block.vectors.data() + at, 1, values.data());
      const auto head = std::as_bytes(std::span(&dims, 1));
      const auto body = std::as_bytes(std::span(values));
      bytes.insert(bytes.end(), head.begin(), head.end());
      bytes.insert(bytes.end(), body.begin(), body.end());
    }
    out.write(bytes);
  });
}

ExportCounts write_parquet(OutputReader& reader, ByteSink& out, int zstd_level) {
  // One file for many shards: what the shards say of their model goes along.
  OutputSpec spec = reader.spec();
  spec.metadata = reader.shard_metadata();
  ParquetWriter writer(spec, zstd_level);
  writer.begin(out);
  const ExportCounts counts = copy_rows(
      reader, [&](const EmbeddingBlock& block) { writer.append(block, 0, block.rows.size()); });
  writer.end();
  return counts;
}

/// The vectors alone. Of a multi-vector output their number is known only at the end.
ExportCounts stream_npy(OutputReader& reader, ByteSink& out, const std::string& name) {
  if (reader.spec().kind == RowKind::multi) {
    throw Error(ExitCode::usage,
                "{}: a multi-vector output cannot be streamed as npy, because the npy header comes "
                "first and holds the number of vectors; export to a file",
                name);
  }
  out.write(npy_vectors_header(reader.spec(), reader.rows()));
  return copy_rows(reader, [&](const EmbeddingBlock& block) { out.write(block.vectors); });
}

ExportCounts write_format(OutputReader& reader, ExportFormat format, ByteSink& out,
                          const ExportOptions& options, const std::string& name) {
  switch (format) {
    case ExportFormat::npy:
      return stream_npy(reader, out, name);
    case ExportFormat::jsonl:
      return write_jsonl(reader, out);
    case ExportFormat::fvecs:
      return write_fvecs(reader, out);
    case ExportFormat::parquet:
      return write_parquet(reader, out, options.zstd_level);
  }
  return {};
}

void refuse_sparse(const OutputReader& reader, ExportFormat format, const std::string& name) {
  const bool vectors = format == ExportFormat::npy || format == ExportFormat::fvecs;
  if (!vectors || reader.spec().kind != RowKind::sparse) return;
  throw Error(
      ExitCode::usage,
      "{}: a sparse output holds token weights, which {} cannot store; export to jsonl or parquet",
      name, format == ExportFormat::npy ? "npy" : "fvecs");
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
  const ExportCounts counts =
      copy_rows(reader, [&](const EmbeddingBlock& block) { files.write(block); });
  files.finish();
  return counts;
}

}  // namespace

ExportCounts export_output(const std::string& directory, ExportFormat format,
                           const std::string& path, const ExportOptions& options) {
  OutputReader reader(directory);
  const auto [parent, name] = split(path);
  if (name.empty()) throw Error(ExitCode::usage, "{}: is a directory; name a file", path);
  refuse_sparse(reader, format, path);
  const Directory target(parent, false);
  refuse_existing(target, name, options);
  if (format == ExportFormat::npy) return export_npy(reader, target, name, options);
  DurableFile file(target, name);
  const ExportCounts counts = write_format(reader, format, file, options, path);
  file.publish();
  return counts;
}

ExportCounts export_stream(const std::string& directory, ExportFormat format, int fd,
                           const std::string& name, const ExportOptions& options) {
  OutputReader reader(directory);
  refuse_sparse(reader, format, name);
  FdSink out(fd, name);
  return write_format(reader, format, out, options, name);
}

}  // namespace embedtool
