#include "formats/output/verify.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <unordered_set>

#include "core/base/error.hpp"
#include "formats/io/line_ends.hpp"
#include "formats/output/npy.hpp"
#include "formats/output/shard_reader.hpp"
#include "formats/output/shard_values.hpp"

namespace embedtool {
namespace {

constexpr BlockLimits kBlock{4096, std::size_t{8} << 20};

// In the order in which a problem makes the later checks moot: the manifest, each file's bytes,
// then what the bytes mean. One file's damage does not stop the check of the next.
class Verifier {
 public:
  explicit Verifier(const std::string& path) : directory_(path, false) {}

  VerifyReport run() {
    if (load()) {
      for (const ShardEntry& shard : manifest_.shards) check_shard(shard);
      for (const FileEntry& file : manifest_.files) check_file(file);
      check_extras();
      if (report_.vectors == 0) report_.min_norm = 0.0;
    }
    return std::move(report_);
  }

 private:
  void problem(const std::string& file, std::string what) {
    report_.problems.push_back({file, std::move(what)});
  }

  bool load() {
    try {
      manifest_ = load_manifest(directory_);
      spec_ = output_spec(manifest_.identity);
      report_.data = name_of(manifest_.identity.to);
      report_.rows = manifest_.rows;
      report_.min_norm = std::numeric_limits<double>::infinity();
      ++report_.files;
      report_.bytes += DirectoryFile(directory_, kManifestName).size();
      return true;
    } catch (const Error& error) {
      // Nothing is wrong with what is no output, or not yet.
      if (!directory_.open_regular(kManifestName)) throw;
      problem(std::string(kManifestName), error.what());
      return false;
    }
  }

  /// Presence, size and hash; false when the contents need no further look.
  bool check_bytes(const DirectoryFile& file, const std::string& name, std::uint64_t bytes,
                   const Hash128& hash) {
    const FileDigest found = file.digest();
    ++report_.files;
    report_.bytes += found.bytes;
    if (found.bytes != bytes) {
      problem(name, fmt::format("is {} bytes long, but the manifest says {}", found.bytes, bytes));
    } else if (found.hash != hash) {
      problem(name, "its checksum differs from the manifest: the contents have changed");
    } else {
      return true;
    }
    return false;
  }

  void check_shard(const ShardEntry& shard) {
    try {
      const DirectoryFile file(directory_, shard.name);
      if (!check_bytes(file, shard.name, shard.bytes, shard.hash)) return;
      const auto reader = open_shard(file, manifest_, shard);
      std::uint64_t row = shard.first_row;
      while (block_.clear(), reader->read(block_, kBlock)) {
        if (!check_rows(shard.name, row)) return;
        row += block_.rows.size();
      }
    } catch (const Error& error) {
      problem(shard.name, error.what());
    }
  }

  /// Norms of the block's vectors; false after a problem, so that one bad shard is one problem.
  bool check_rows(const std::string& name, std::uint64_t first_row) {
    // Binary vectors are always finite and of one length; they pass through for the counts.
    const OutputSpec& spec = spec_;
    if (!check_chunks(name, first_row)) return false;
    if (spec.kind == RowKind::sparse) return check_weights(name, first_row);
    const std::size_t count = block_.vectors.size() / spec.vector_bytes();
    values_.resize(count * spec.dims);
    values_of(spec, block_.vectors.data(), count, values_.data());
    report_.vectors += count;
    for (std::size_t v = 0; v < count; ++v) {
      double sum = 0.0;
      for (std::size_t d = 0; d < spec.dims; ++d) {
        const double x = values_[v * spec.dims + d];
        sum += x * x;
      }
      if (!std::isfinite(sum)) {
        problem(name,
                fmt::format("row {} contains a value that is not finite", first_row + row_of(v)));
        return false;
      }
      report_.min_norm = std::min(report_.min_norm, std::sqrt(sum));
      report_.max_norm = std::max(report_.max_norm, std::sqrt(sum));
    }
    return true;
  }

  /// Chunks are of texts that have them.
  bool check_chunks(const std::string& name, std::uint64_t first_row) {
    const std::vector<ChunkPlace>& chunks = block_.documents.chunks;
    for (std::size_t row = 0; row < chunks.size(); ++row) {
      const ChunkPlace& place = chunks[row];
      const bool good = place.index < place.count && place.begin <= place.end &&
                        place.begin_char <= place.end_char && place.begin_char <= place.begin &&
                        place.end_char <= place.end;
      if (good) continue;
      problem(name, fmt::format("row {} is not a chunk that a document can have", first_row + row));
      return false;
    }
    return true;
  }

  /// Weights are finite and above 0, the heaviest first; a token comes once.
  bool check_weights(const std::string& name, std::uint64_t first_row) {
    const EmbeddingBlock block = block_.view();
    report_.vectors += block_.rows.size();
    for (std::size_t row = 0; row < block_.rows.size(); ++row) {
      double sum = 0.0;
      float last = std::numeric_limits<float>::infinity();
      tokens_.clear();
      for (const SparseEntry& entry : block.weights_of(row)) {
        const bool good = std::isfinite(entry.weight) && entry.weight > 0 && entry.weight <= last;
        if (!good || !tokens_.insert(entry.token).second) {
          problem(name,
                  fmt::format(
                      "row {} is not a list of distinct tokens with weights in descending order",
                      first_row + row));
          return false;
        }
        last = entry.weight;
        sum += double{entry.weight} * double{entry.weight};
      }
      report_.min_norm = std::min(report_.min_norm, std::sqrt(sum));
      report_.max_norm = std::max(report_.max_norm, std::sqrt(sum));
    }
    return true;
  }

  std::size_t row_of(std::size_t vector) const {
    const auto& offsets = block_.offsets;
    if (offsets.empty()) return vector;
    const auto after = std::upper_bound(offsets.begin(), offsets.end(), vector);
    return static_cast<std::size_t>(after - offsets.begin()) - 1;
  }

  void check_file(const FileEntry& entry) {
    try {
      const DirectoryFile file(directory_, entry.name);
      if (!check_bytes(file, entry.name, entry.bytes, entry.hash)) return;
      if (entry.name.ends_with(".npy")) check_npy(file, entry.name);
      if (entry.name == "ids.jsonl" || entry.name == "embeddings.jsonl") {
        check_lines(file, entry.name);
      }
    } catch (const Error& error) {
      problem(entry.name, error.what());
    }
  }

  void check_npy(const DirectoryFile& file, const std::string& name) {
    const OutputSpec& spec = spec_;
    const NpyShape shape = read_npy_header(file);
    const bool offsets = name == "offsets.npy";
    const std::uint64_t width = offsets ? 8 : spec.vector_bytes();
    const std::uint64_t data = file.size() - kNpyHeaderBytes;
    const bool fits = data % width == 0 && data / width == shape.rows;
    const std::uint64_t rows = offsets ? manifest_.rows + 1 : manifest_.rows;
    // How many vectors a multi-vector output has, only its offsets say.
    const bool counted = !offsets && spec.kind == RowKind::multi ? true : shape.rows == rows;
    if (!fits || !counted)
      problem(name, "its shape does not match its size or the manifest's rows");
  }

  void check_lines(const DirectoryFile& file, const std::string& name) {
    std::array<char, 16384> buffer;
    std::uint64_t lines = 0;
    for (std::uint64_t at = 0; at < file.size(); at += buffer.size()) {
      const auto size = std::min<std::uint64_t>(buffer.size(), file.size() - at);
      const auto part = std::span(buffer).first(static_cast<std::size_t>(size));
      file.read_at(at, std::as_writable_bytes(part));
      lines += count_line_ends({part.data(), part.size()});
    }
    if (lines == manifest_.rows) return;
    problem(name, fmt::format("has {} lines for {} rows", lines, manifest_.rows));
  }

  // Temporary files, a lock or a journal beside a manifest are what an interrupted run may leave;
  // they mean nothing to readers. A report may be rewritten. Data may not be there unlisted, nor
  // anything else in the folder of the shards: its readers would take it in. They pass over names
  // with a dot or an underscore in front.
  void check_extras() {
    std::unordered_set<std::string_view> listed;
    for (const ShardEntry& shard : manifest_.shards) listed.insert(shard.name);
    for (const FileEntry& file : manifest_.files) listed.insert(file.name);
    for (const std::string& name : directory_.list()) {
      const bool data = name.starts_with("part-") || name.ends_with(".npy") ||
                        name.starts_with("embeddings.") || name == "ids.jsonl";
      if (data && !listed.contains(name)) problem(name, "is not in the manifest");
    }
    for (const std::string& file : directory_.list(kDataFolder)) {
      const std::string name = fmt::format("{}/{}", kDataFolder, file);
      const bool passed_over = file.starts_with('.') || file.starts_with('_');
      if (!passed_over && !listed.contains(name)) problem(name, "is not in the manifest");
    }
  }

  Directory directory_;
  Manifest manifest_;
  OutputSpec spec_;
  VerifyReport report_;
  OutputBlock block_;
  std::vector<float> values_;
  std::unordered_set<TokenId> tokens_;  ///< of a sparse row
};

}  // namespace

VerifyReport verify_output(const std::string& directory) {
  return Verifier(directory).run();
}

}  // namespace embedtool
