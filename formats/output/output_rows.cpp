#include "formats/output/output_rows.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/check.hpp"
#include "core/base/error.hpp"

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

std::shared_ptr<const Vocabulary> vocabulary_of(const OutputSpec& spec) {
  if (spec.kind != RowKind::sparse) return nullptr;
  auto vocabulary = std::make_shared<Vocabulary>();
  for (std::size_t i = 0; i < spec.tokens->size(); ++i) {
    vocabulary->emplace((*spec.tokens)[i], static_cast<TokenId>(i));
  }
  return vocabulary;
}

void append_row(const OutputSpec& spec, std::span<const std::byte> bytes, ReusedRows& out) {
  ReusedRows::Row& row = out.rows.emplace_back();
  if (spec.kind == RowKind::sparse) {
    row.first = out.weights.size();
    row.count = bytes.size() / sizeof(SparseEntry);
    out.weights.resize(row.first + row.count);
    if (row.count > 0) std::memcpy(&out.weights[row.first], bytes.data(), bytes.size());
  } else {
    row.first = out.vectors.size() / spec.vector_bytes();
    row.count = bytes.size() / spec.vector_bytes();
    out.vectors.insert(out.vectors.end(), bytes.begin(), bytes.end());
  }
}

RowFetcher::RowFetcher(const Directory& directory, const Manifest& manifest,
                       std::shared_ptr<const Vocabulary> vocabulary)
    : directory_(directory),
      spec_(output_spec(manifest.identity)),
      vocabulary_(std::move(vocabulary)),
      shards_(directory, manifest, kVectors) {}

void RowFetcher::fetch(std::span<const std::uint64_t> rows, ReusedRows& out) {
  block_.clear();
  while (block_.rows.size() < rows.size()) {
    const std::size_t first = block_.rows.size();
    std::size_t last = first + 1;
    while (last < rows.size() && rows[last] == rows[last - 1] + 1) ++last;
    const std::size_t count = shards_.read(rows[first], last - first, block_);
    EMBEDTOOL_CHECK(count > 0);
  }
  const bool sparse = spec_.kind == RowKind::sparse;
  const std::uint64_t before =
      sparse ? out.weights.size() : out.vectors.size() / spec_.vector_bytes();
  const EmbeddingBlock view = block_.view();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ReusedRows::Row& row = out.rows.emplace_back();
    row.first = before + view.first_of(i);
    row.count = view.count_of(i);
  }
  if (out.vectors.empty()) {
    out.vectors.swap(block_.vectors);
  } else {
    out.vectors.insert(out.vectors.end(), block_.vectors.begin(), block_.vectors.end());
  }
  for (const SparseEntry& entry : block_.weights) {
    out.weights.push_back({token_of(entry.token), entry.weight});
  }
}

/// A token is known by its name: older shards have no numbers, and readers then number them as they
/// come.
TokenId RowFetcher::token_of(TokenId number) {
  constexpr TokenId kUnknown = -1;
  const auto names = block_.tokens.names();
  if (tokens_.size() < names.size()) tokens_.resize(names.size(), kUnknown);
  TokenId& token = tokens_[static_cast<std::size_t>(number)];
  if (token != kUnknown) return token;
  const std::string& name = names[static_cast<std::size_t>(number)];
  const auto known = vocabulary_->find(name);
  if (known == vocabulary_->end()) {
    throw Error(ExitCode::failed, "{}: has weights of '{}', which is no token of the model",
                directory_.path(), name);
  }
  return token = known->second;
}

}  // namespace embedtool
