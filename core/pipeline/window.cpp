#include "core/pipeline/window.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <span>

#include "core/base/error.hpp"
#include "core/pipeline/quantize.hpp"

namespace embedtool {
namespace {

/// A chunk of tokenizing work ends after this many bytes of text: some tenths of a millisecond.
constexpr std::size_t kChunkBytes = std::size_t{64} << 10U;

}  // namespace

bool Window::fill(const RunContext& context, StageClock& clock) {
  if (!context.source.read(documents_, context.options.window)) return false;
  clock.enter(Stage::plan);
  collapse_duplicates(context);
  cut_chunks();
  clock.enter(Stage::read);
  return true;
}

bool Window::same_payload(const Record& a, const Record& b) const {
  if (a.kind != b.kind) return false;
  if (a.kind == RecordKind::text) return documents_.text(a) == documents_.text(b);
  return std::ranges::equal(documents_.ids(a), documents_.ids(b));
}

/// Groups records of equal payload by an open-addressing table over their hashes.
void Window::collapse_duplicates(const RunContext& context) {
  const std::size_t n = documents_.records.size();
  hashes_.resize(n);
  unique_of_.assign(n, kNone);
  uniques_.clear();
  std::size_t slots = 16;
  while (slots < 2 * n) slots *= 2;
  table_.assign(slots, kNone);
  for (std::uint32_t i = 0; i < n; ++i) {
    const Record& record = documents_.records[i];
    if (record.kind == RecordKind::vector) {
      const auto values = documents_.vector(record);
      hashes_[i] = hash128(values.data(), values.size_bytes(), 2);
      continue;
    }
    if (record.kind == RecordKind::text && context.tokenizer == nullptr) {
      throw Error(ExitCode::usage,
                  "{}:{}: the record is a text, but the model folder has no tokenizer; give "
                  "input_ids, or add tokenizer.json, vocab.txt or a sentencepiece model",
                  context.source.file_names()[record.file], record.line);
    }
    if (record.kind == RecordKind::text) {
      hashes_[i] = hash128(documents_.text(record));
    } else {
      const auto ids = documents_.ids(record);
      hashes_[i] = hash128(ids.data(), ids.size_bytes(), 1);
    }
    std::size_t slot = hashes_[i].low & (slots - 1);
    while (table_[slot] != kNone) {
      const std::uint32_t first = uniques_[table_[slot]].record;
      if (hashes_[first] == hashes_[i] && same_payload(documents_.records[first], record)) break;
      slot = (slot + 1) & (slots - 1);
    }
    if (table_[slot] == kNone) {
      table_[slot] = static_cast<std::uint32_t>(uniques_.size());
      uniques_.push_back({.record = i});
    }
    unique_of_[i] = table_[slot];
  }
}

void Window::cut_chunks() {
  chunk_ends_.clear();
  std::size_t bytes = 0;
  for (std::uint32_t u = 0; u < uniques_.size(); ++u) {
    uniques_[u].chunk = static_cast<std::uint32_t>(chunk_ends_.size());
    bytes += documents_.records[uniques_[u].record].payload.size;
    if (bytes >= kChunkBytes || u + 1 == uniques_.size()) {
      chunk_ends_.push_back(u + 1);
      bytes = 0;
    }
  }
  if (chunk_ids_.size() < chunk_ends_.size()) chunk_ids_.resize(chunk_ends_.size());
}

void Window::tokenize(const RunContext& context, std::size_t chunk, WorkerState& worker) {
  std::vector<TokenId>& ids = chunk_ids_[chunk];
  ids.clear();
  for (std::uint32_t u = chunk == 0 ? 0 : chunk_ends_[chunk - 1]; u < chunk_ends_[chunk]; ++u) {
    tokenize_one(context, uniques_[u], worker, ids);
  }
}

void Window::tokenize_one(const RunContext& context, Unique& unique, WorkerState& worker,
                          std::vector<TokenId>& ids) {
  const Record& record = documents_.records[unique.record];
  unique.offset = ids.size();
  if (record.kind == RecordKind::token_ids) {
    std::span<const TokenId> given = documents_.ids(record);
    unique.truncated = context.max_tokens > 0 && given.size() > context.max_tokens;
    if (unique.truncated) given = given.first(context.max_tokens);
    ids.insert(ids.end(), given.begin(), given.end());
    unique.length = static_cast<std::uint32_t>(given.size());
    return;
  }
  std::string_view text = documents_.text(record);
  if (!context.options.prompt.empty()) {
    worker.prompted = context.options.prompt;
    worker.prompted += text;
    text = worker.prompted;
  }
  if (worker.tokenizer == nullptr) worker.tokenizer = context.tokenizer->make_scratch();
  const TokenizeResult result =
      context.tokenizer->encode(text, {context.max_tokens, true}, *worker.tokenizer, ids);
  unique.length = result.n_tokens;
  unique.truncated = result.truncated;
}

void Window::plan(const RunContext& context) {
  if (context.options.on_long != OnLong::truncate) drop_too_long(context);
  lay_out_rows(context);
  encoded_.clear();
  lengths_.clear();
  for (std::uint32_t u = 0; u < uniques_.size(); ++u) {
    if (uniques_[u].dropped) continue;
    encoded_.push_back(u);
    lengths_.push_back(uniques_[u].length);
  }
}

void Window::cut(const BatchLimits& limits, std::size_t workers) {
  limits_ = limits;
  plan_batches(lengths_, limits, workers, plan_);
  computed_rows_.assign(plan_.batches.size(), 0);
  if (sparse_.size() < plan_.batches.size()) sparse_.resize(plan_.batches.size());
  largest_ = largest_batch(plan_);
}

/// --on-long skip and fail: records whose text did not fit are rejected, not cut.
void Window::drop_too_long(const RunContext& context) {
  for (std::uint32_t i = 0; i < documents_.records.size(); ++i) {
    if (unique_of_[i] == kNone || !uniques_[unique_of_[i]].truncated) continue;
    const Record& record = documents_.records[i];
    const std::string reason =
        fmt::format("the text has more than {} tokens (--on-long)", context.max_tokens);
    if (context.options.on_long == OnLong::fail) {
      throw Error(ExitCode::bad_record, "{}:{}: {}", context.source.file_names()[record.file],
                  record.line, reason);
    }
    uniques_[unique_of_[i]].dropped = true;
    const std::string_view bytes =
        record.kind == RecordKind::text ? documents_.text(record) : std::string_view();
    context.rejects.add(
        {record.file, record.line, documents_.id(record), reason, bytes, record.position});
  }
}

/// Rows are the records, in order, without the dropped ones.
void Window::lay_out_rows(const RunContext& context) {
  rows_.clear();
  vector_offsets_.clear();
  vector_count_ = 0;
  const bool multi = context.spec.kind == RowKind::multi;
  if (multi) vector_offsets_.push_back(0);
  for (std::uint32_t i = 0; i < documents_.records.size(); ++i) {
    Unique* unique = unique_of_[i] == kNone ? nullptr : &uniques_[unique_of_[i]];
    if (unique != nullptr && unique->dropped) continue;
    const auto row = static_cast<std::uint32_t>(rows_.size());
    RowInfo info{.record = i, .n_tokens = 0, .truncated = false, .text_hash = hashes_[i]};
    if (unique != nullptr) {
      if (unique->record == i) {
        unique->row = row;
        if (multi) {
          unique->vectors =
              static_cast<std::uint32_t>(context.encoder.vector_count(ids_of(*unique)));
        }
      }
      info.n_tokens = unique->length;
      info.truncated = unique->truncated;
    }
    rows_.push_back(info);
    vector_count_ += multi && unique != nullptr ? unique->vectors : 1;
    if (multi) vector_offsets_.push_back(vector_count_);
  }
  vector_size_ = context.spec.vector_bytes();
  if (context.spec.tokens) tokens_ = *context.spec.tokens;
  if (context.spec.kind == RowKind::sparse) return;  // lay_out_sparse() knows how long rows are
  vectors_.reserve(vector_count_ * vector_size_ + 1);
}

std::byte* Window::row_bytes(const RunContext& context, std::uint32_t row) {
  const std::uint64_t vector = context.spec.kind == RowKind::multi ? vector_offsets_[row] : row;
  return vectors_.data() + vector * vector_size_;
}

void Window::store(const RunContext& context, std::uint32_t row, std::size_t vectors,
                   const float* values) {
  std::byte* out = row_bytes(context, row);
  for (std::size_t v = 0; v < vectors; ++v) {
    quantize(values + v * context.spec.dims, context.spec.dims, context.spec.type,
             context.spec.int8_scale, out + v * vector_size_);
  }
}

void Window::encode(const RunContext& context, std::size_t batch, WorkerState& worker,
                    StageClock& clock) {
  const PlannedBatch& planned = plan_.batches[batch];
  const std::span<const std::uint32_t> order(plan_.order.data() + planned.first, planned.count);
  worker.batch.clear();
  for (const std::uint32_t index : order) {
    const Unique& unique = uniques_[encoded_[index]];
    worker.batch.append(ids_of(unique));
  }
  const Batch ragged = worker.batch.batch();
  worker.counts.batch_texts.add(planned.count);
  worker.counts.batch_tokens.add(planned.tokens);
  computed_rows_[batch] = context.encoder.computed_rows(ragged);
  const std::size_t dims = context.spec.dims;
  const bool multi = context.spec.kind == RowKind::multi;
  // Room for the window's largest batch, whoever gets it: what a run holds does not depend on how
  // batches fall to workers, and none has to grow in the midst of a window.
  context.encoder.reserve(worker.workspace, largest_.texts, largest_.tokens, largest_.longest);
  if (context.spec.kind == RowKind::sparse)
    return encode_sparse(context, batch, ragged, worker, clock);
  worker.rows.vectors.reserve((multi ? largest_.tokens : largest_.texts) * dims);
  context.encoder.encode(ragged, worker.workspace, clock, worker.rows);
  clock.enter(Stage::quantize);
  const float* values = worker.rows.vectors.data();
  for (const std::uint32_t index : order) {
    const Unique& unique = uniques_[encoded_[index]];
    store(context, unique.row, unique.vectors, values);
    values += unique.vectors * dims;
  }
}

/// Sparse rows stay where their batch left them: only when all are there is it known where each
/// comes to lie.
void Window::encode_sparse(const RunContext& context, std::size_t batch, const Batch& ragged,
                           WorkerState& worker, StageClock& clock) {
  RowBatch& rows = sparse_[batch];
  context.encoder.encode(ragged, worker.workspace, clock, rows);
  const PlannedBatch& planned = plan_.batches[batch];
  for (std::size_t i = 0; i < planned.count; ++i) {
    Unique& unique = uniques_[encoded_[plan_.order[planned.first + i]]];
    unique.batch = static_cast<std::uint32_t>(batch);
    unique.entry = rows.offsets[i];
    unique.vectors = static_cast<std::uint32_t>(rows.offsets[i + 1] - rows.offsets[i]);
  }
}

void Window::lay_out_sparse() {
  vector_offsets_.assign(1, 0);
  for (const RowInfo& row : rows_) {
    const std::uint32_t unique = unique_of_[row.record];
    if (unique == kNone) throw Error(ExitCode::usage, "a ready vector among weights of tokens");
    vector_offsets_.push_back(vector_offsets_.back() + uniques_[unique].vectors);
  }
  vector_count_ = vector_offsets_.back();
  weights_.clear();
  weights_.reserve(vector_count_);
  for (const RowInfo& row : rows_) {
    const Unique& unique = uniques_[unique_of_[row.record]];
    const auto first =
        sparse_[unique.batch].weights.begin() + static_cast<std::ptrdiff_t>(unique.entry);
    weights_.insert(weights_.end(), first, first + unique.vectors);
  }
}

void Window::finish(const RunContext& context) {
  if (context.spec.kind == RowKind::sparse) return lay_out_sparse();
  for (std::uint32_t row = 0; row < rows_.size(); ++row) {
    const std::uint32_t i = rows_[row].record;
    if (unique_of_[i] == kNone) {
      store(context, row, 1, documents_.vector(documents_.records[i]).data());
      continue;
    }
    const Unique& unique = uniques_[unique_of_[i]];
    if (unique.row == row) continue;
    if (unique.vectors == 0) continue;
    std::memcpy(row_bytes(context, row), row_bytes(context, unique.row),
                unique.vectors * vector_size_);
  }
}

EmbeddingBlock Window::rows() const {
  return {&documents_,
          rows_,
          {vectors_.data(), weights_.empty() ? vector_count_ * vector_size_ : 0},
          weights_,
          vector_offsets_,
          tokens_};
}

void Window::account(const RunContext& context, RunReport& report) const {
  ++report.windows;
  report.records += documents_.records.size();
  report.rows += rows_.size();
  report.batches += plan_.batches.size();
  for (std::uint32_t row = 0; row < rows_.size(); ++row) {
    const std::uint32_t unique = unique_of_[rows_[row].record];
    report.truncated += rows_[row].truncated ? 1 : 0;
    if (unique == kNone) {
      ++report.ready_vectors;
    } else if (uniques_[unique].row != row) {
      ++report.duplicates;
    }
  }
  for (const std::uint32_t length : lengths_) {
    report.tokens += length;
    report.text_lengths.add(length);
    report.attention_flops += context.encoder.attention_flops(length);
  }
  report.padding.real += std::accumulate(lengths_.begin(), lengths_.end(), std::uint64_t{0});
  report.padding.arrival += padded_tokens(lengths_, limits_.texts);
  for (const PlannedBatch& batch : plan_.batches) {
    report.padding.sorted += std::uint64_t{batch.longest} * batch.count;
  }
  report.padding.actual +=
      std::accumulate(computed_rows_.begin(), computed_rows_.end(), std::uint64_t{0});
}

std::size_t Window::bytes() const {
  std::size_t bytes = documents_.bytes.capacity() + documents_.values.capacity() * 4 +
                      documents_.token_ids.capacity() * sizeof(TokenId) +
                      documents_.records.capacity() * sizeof(Record) +
                      documents_.kept.capacity() * sizeof(Slice) + vectors_.bytes() +
                      hashes_.capacity() * sizeof(Hash128) + rows_.capacity() * sizeof(RowInfo) +
                      uniques_.capacity() * sizeof(Unique);
  for (const auto& ids : chunk_ids_) bytes += ids.capacity() * sizeof(TokenId);
  for (const RowBatch& rows : sparse_) bytes += rows.bytes();
  bytes += weights_.capacity() * sizeof(SparseEntry);
  return bytes;
}

}  // namespace embedtool
