#include "formats/output/shard_reader.hpp"
#include "formats/output/unit_files.hpp"

#include <algorithm>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

// Metadata may differ: it is facts for readers, not layout.
bool same_columns(const OutputSpec& a, const OutputSpec& b) {
  return a.dims == b.dims && a.type == b.type && a.kind == b.kind && a.int8_scale == b.int8_scale &&
         a.kept_fields == b.kept_fields && a.chunked == b.chunked && a.chunk_text == b.chunk_text;
}

}  // namespace

Manifest load_manifest(const Directory& directory) {
  const auto text = directory.read(kManifestName, kMaxManifestBytes);
  if (text) return parse_manifest(*text, directory.path_of(kManifestName));
  if (directory.open_regular(kPlanName)) {
    throw Error(ExitCode::failed, "{}", unmerged(directory));
  }
  const bool unfinished = directory.read(kJournalName, kMaxManifestBytes).has_value();
  throw Error(ExitCode::failed, "{}: {}", directory.path(),
              unfinished ? "the run is unfinished; rerun the same command to resume, or add "
                           "--overwrite to start over"
                         : "no manifest.json: not an embedtool output directory");
}

std::unique_ptr<ParquetReader> open_shard(const DirectoryFile& file, const Manifest& manifest,
                                          const ShardEntry& shard, RowParts parts) {
  auto reader = std::make_unique<ParquetReader>(file, parts);
  if (!same_columns(reader->spec(), output_spec(manifest.identity))) {
    throw Error(ExitCode::failed,
                "{}: its columns are not those in the manifest: it belongs to another output",
                file.name());
  }
  if (reader->rows() != shard.rows) {
    throw Error(ExitCode::failed, "{}: has {} rows, but the manifest says {}", file.name(),
                reader->rows(), shard.rows);
  }
  return reader;
}

ShardRows::ShardRows(const Directory& directory, const Manifest& manifest, RowParts parts)
    : directory_(directory), manifest_(manifest), parts_(parts) {}

void ShardRows::open(std::size_t shard) {
  reader_.reset();  // borrows the file
  open_ = SIZE_MAX;
  const ShardEntry& entry = manifest_.shards[shard];
  file_ = std::make_unique<DirectoryFile>(directory_, entry.name);
  reader_ = open_shard(*file_, manifest_, entry, parts_);
  open_ = shard;
  next_ = entry.first_row;
}

std::size_t ShardRows::read(std::uint64_t row, std::size_t count, OutputBlock& block) {
  const std::vector<ShardEntry>& shards = manifest_.shards;
  if (count == 0 || row >= manifest_.rows) return 0;
  const auto after = std::upper_bound(
      shards.begin(), shards.end(), row,
      [](std::uint64_t wanted, const ShardEntry& shard) { return wanted < shard.first_row; });
  // Shards without rows begin where their successor does.
  const auto shard = static_cast<std::size_t>(after - shards.begin()) - 1;
  if (open_ != shard || row < next_) open(shard);
  reader_->skip(row - next_);
  next_ = row;
  const std::uint64_t end = shards[shard].first_row + shards[shard].rows;
  const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(count, end - row));
  const std::size_t before = block.rows.size();
  reader_->read(block, {before + part, SIZE_MAX});
  next_ += block.rows.size() - before;
  return block.rows.size() - before;
}

OutputReader::OutputReader(const std::string& directory)
    : directory_(directory, false),
      manifest_(load_manifest(directory_)),
      spec_(output_spec(manifest_.identity)) {
  if (manifest_.identity.to != OutputFormat::parquet) {
    throw Error(
        ExitCode::failed,
        "{}: the output is {}; only Parquet output can be read back: encode with --to parquet",
        directory, name_of(manifest_.identity.to));
  }
}

void OutputReader::open_next_shard() {
  const ShardEntry& shard = manifest_.shards[next_shard_++];
  reader_.reset();  // borrows the file

  file_ = std::make_unique<DirectoryFile>(directory_, shard.name);
  reader_ = open_shard(*file_, manifest_, shard);
}

std::vector<std::pair<std::string, std::string>> OutputReader::shard_metadata() const {
  if (manifest_.shards.empty()) return {};
  const DirectoryFile file(directory_, manifest_.shards.front().name);
  return open_shard(file, manifest_, manifest_.shards.front())->spec().metadata;
}

bool OutputReader::read(OutputBlock& block, const BlockLimits& limits) {
  block.clear();
  // A block may take the end of one shard and the beginning of the next.
  while (block.rows.size() < limits.records && block.byte_size() < limits.bytes) {
    if (reader_ && reader_->read(block, limits)) continue;
    if (next_shard_ == manifest_.shards.size()) break;
    open_next_shard();
  }
  for (Record& record : block.documents.records) record.ordinal = next_row_++;
  return !block.rows.empty();
}

}  // namespace embedtool
