#include "formats/output/output_rows.hpp"

#include <algorithm>

#include "core/base/check.hpp"

namespace embedtool {
namespace {

constexpr RowParts kKeys{.ids = false, .vectors = false, .info = true, .kept = false};
constexpr RowParts kVectors{.ids = false, .vectors = true, .info = false, .kept = false};
constexpr std::size_t kBlock = 8192;

}  // namespace

KeyReader::KeyReader(const Directory& directory, const Manifest& manifest)
    : shards_(directory, manifest, kKeys), rows_(manifest.rows) {}

void KeyReader::seek(std::uint64_t row) {
  row_ = std::min(row, rows_);
}

void KeyReader::read(std::vector<KeyedRow>& out, std::size_t most) {
  out.clear();
  while (out.size() < most) {
    block_.clear();
    const std::size_t count = shards_.read(row_, std::min(kBlock, most - out.size()), block_);
    if (count == 0) return;
    for (const RowInfo& info : block_.rows) {
      out.push_back({info.text_hash, {row_++, info.n_tokens, info.truncated}});
    }
  }
}

RowFetcher::RowFetcher(const Directory& directory, const Manifest& manifest)
    : shards_(directory, manifest, kVectors) {}

void RowFetcher::fetch(std::span<const std::uint64_t> rows, OutputBlock& out) {
  out.clear();
  while (out.rows.size() < rows.size()) {
    const std::size_t first = out.rows.size();
    std::size_t last = first + 1;
    while (last < rows.size() && rows[last] == rows[last - 1] + 1) ++last;
    const std::size_t count = shards_.read(rows[first], last - first, out);
    EMBEDTOOL_CHECK(count > 0);
  }
}

}  // namespace embedtool
