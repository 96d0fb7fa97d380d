#include "core/pipeline/window.hpp"

#include <numeric>
#include <string>

#include "core/base/error.hpp"
#include "core/base/memory.hpp"

namespace embedtool {

bool Window::fill(const RunContext& context, WindowSize& size, StageClock& clock) {
  const BlockLimits limits = size.next();
  if (!texts_.read(context.source, limits)) return false;
  is_full_ = records() >= limits.records || texts_.documents().byte_size() >= limits.bytes;
  const StageScope planning(clock, Stage::plan);
  texts_.find_texts(context.tokens.tokenizer != nullptr, context.source);
  find_known_rows(context, clock);
  size.note(texts_, reused_);
  tokens_.cut(texts_, reused_);
  return true;
}

void Window::find_known_rows(const RunContext& context, StageClock& clock) {
  if (context.options.reuse == nullptr) return;
  const StageScope reading(clock, Stage::read);
  hashes_.clear();
  for (std::size_t text = 0; text < texts_.texts(); ++text) {
    hashes_.push_back(texts_.hash_of(texts_.first_record(text)));
  }
  reused_.clear(texts_.texts());
  context.options.reuse->find(hashes_, reused_);
}

/// Under --on-long skip and fail, a text that does not fit is not cut but left out.
bool Window::is_dropped(const RunContext& context, std::uint32_t text) const {
  return context.options.on_long != OnLong::truncate && tokens_.truncated(text);
}

void Window::reject_too_long(const RunContext& context, const Record& record) const {
  const std::string reason =
      fmt::format("the text has more than {} tokens (--on-long)", context.tokens.max_tokens);
  if (context.options.on_long == OnLong::fail) {
    throw Error(ExitCode::bad_record, "{}:{}: {}", context.source.file_names()[record.file],
                record.line, reason);
  }
  const DocumentBlock& documents = texts_.documents();
  const std::string_view bytes =
      record.kind == RecordKind::text ? documents.text(record) : std::string_view();
  context.rejects.add(
      {record.file, record.line, documents.id(record), reason, bytes, record.position});
}

/// How many vectors a record's row has.
std::size_t Window::vectors_of(const RunContext& context, std::uint32_t record,
                               std::uint32_t text) const {
  if (context.spec.kind != RowKind::multi) return 1;
  const DocumentBlock& documents = texts_.documents();
  if (!documents.pieces_of.empty()) return documents.pieces_in(record).size();
  return context.encoder.vector_count(tokens_.ids_of(text));
}

void Window::append(std::uint32_t text, BatchBuilder& batch) const {
  const DocumentBlock& documents = texts_.documents();
  if (documents.pieces_of.empty()) return batch.append(tokens_.ids_of(text));
  batch.append(tokens_.ids_of(text), documents.pieces_in(texts_.first_record(text)));
}

/// Rows are the records, in order, without those that are left out.
void Window::plan(const RunContext& context) {
  rows_.begin(context.spec, texts_.texts());
  encoded_.clear();
  lengths_.clear();
  for (std::uint32_t i = 0; i < texts_.records(); ++i) {
    const std::uint32_t text = texts_.text_of(i);
    RowInfo row{.record = i, .n_tokens = 0, .truncated = false, .text_hash = texts_.hash_of(i)};
    if (text == TextSet::kNone) {
      rows_.add(row, text, 1);
      continue;
    }
    if (reused_.is_copied(text)) {
      const ReusedRows::Row& found = *reused_.find(text);
      row.n_tokens = found.n_tokens;
      row.truncated = found.truncated;
      rows_.add(row, text, found.count);
      continue;
    }
    if (is_dropped(context, text)) {
      reject_too_long(context, texts_.record(i));
      continue;
    }
    row.n_tokens = tokens_.length_of(text);
    row.truncated = tokens_.truncated(text);
    rows_.add(row, text, vectors_of(context, i, text));
    if (texts_.first_record(text) != i) continue;
    encoded_.push_back(text);
    lengths_.push_back(row.n_tokens);
  }
}

void Window::cut(const BatchLimits& limits, std::size_t workers) {
  limits_ = limits;
  const std::size_t sharing = is_full_ ? workers_midway(lengths_, limits, workers) : workers;
  plan_batches(lengths_, limits, sharing, plan_);
  computed_rows_.assign(batches(), 0);
  rows_.lay_out(batches());
  largest_ = largest_batch(plan_);
  // From here on the order is one of texts.
  for (std::uint32_t& index : plan_.order) index = encoded_[index];
}

void Window::encode(const RunContext& context, std::size_t batch, BatchEncoder& worker,
                    StageClock& clock) {
  const PlannedBatch& planned = plan_.batches[batch];
  const std::span<const std::uint32_t> order(plan_.order.data() + planned.first, planned.count);
  worker.reserve(context.encoder, largest_);
  const Batch encoded = worker.encode(
      context.encoder, order,
      [this](BatchBuilder& builder, std::uint32_t text) { append(text, builder); },
      rows_.buffer_of(batch), clock,
      [this, batch](const RowBatch& rows, std::size_t i, std::uint32_t text) {
        rows_.put(batch, rows, i, text);
      });
  computed_rows_[batch] = context.encoder.computed_rows(encoded);
}

void Window::account(const Encoder& encoder, RunCounts& counts, RunWork& work) const {
  ++counts.windows;
  counts.records += records();
  counts.rows += rows_.rows().size();
  counts.batches += batches();
  for (std::size_t row = 0; row < rows_.rows().size(); ++row) {
    counts.truncated += rows_.rows()[row].truncated ? 1U : 0U;
    counts.ready_vectors += rows_.is_ready_vector(row) ? 1U : 0U;
    counts.duplicates += rows_.is_copy(row) ? 1U : 0U;
  }
  for (std::size_t text = 0; text < reused_.row_of.size(); ++text) {
    const ReusedRows::Row* found = reused_.find(text);
    if (found == nullptr) continue;
    switch (found->origin) {
      case RowOrigin::this_run:
        ++counts.duplicates;
        break;
      case RowOrigin::stopped_run:
        ++counts.recovered;
        break;
      case RowOrigin::earlier_output:
        ++(found->check ? counts.checked : counts.reused);
        break;
    }
  }
  counts.encoded += lengths_.size();
  PaddingAccount& padding = work.padding;
  for (const std::uint32_t length : lengths_) {
    counts.tokens += length;
    padding.real += length;
    work.text_lengths.add(length);
    work.attention_flops += encoder.attention_flops(length);
  }
  padding.arrival += padded_tokens(lengths_, limits_.texts);
  for (const PlannedBatch& batch : plan_.batches) {
    padding.sorted += std::uint64_t{batch.longest} * batch.count;
  }
  padding.actual += std::accumulate(computed_rows_.begin(), computed_rows_.end(), std::uint64_t{0});
}

std::size_t Window::bytes() const {
  return texts_.bytes() + tokens_.bytes() + rows_.bytes() + reused_.bytes() +
         capacity_bytes(hashes_, encoded_, lengths_, plan_.order, plan_.batches, computed_rows_);
}

}  // namespace embedtool
