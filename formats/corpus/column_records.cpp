#include "formats/corpus/column_records.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"
#include "formats/io/bytes_utf8.hpp"
#include "formats/io/json_text.hpp"

namespace embedtool {
namespace {

/// Bytes behind a JSON text that JsonWalker may read.
constexpr std::size_t kPadding = ByteWindow::kPadding;

ValueKind bare_kind(ColumnKind kind) {
  if (kind == ColumnKind::null) return ValueKind::null;
  return kind == ColumnKind::boolean ? ValueKind::boolean : ValueKind::number;
}

}  // namespace

ColumnRecords::ColumnRecords(const ReaderContext& context, std::unique_ptr<ColumnRows> rows,
                             std::string_view remedy, std::string_view other_remedy)
    : context_(context),
      rows_(std::move(rows)),
      remedy_(remedy),
      other_remedy_(other_remedy),
      walker_(context.plan, context.options.max_depth) {
  context_.head = {};
  fields_.values.resize(context.plan.names().size());
}

/// Whatever is wrong with the bytes becomes an Error that names the file and a remedy.
template <typename Read>
auto ColumnRecords::naming(Read&& read) {
  try {
    return read();
  } catch (const TooLarge& large) {
    const bool limited = context_.options.unpack_bytes != CorpusOptions().unpack_bytes;
    throw Error(ExitCode::failed, "{}: {}; {}write it again with smaller pages or record batches",
                context_.file_name, large.what(),
                limited ? "raise --memory-limit, or the control group's limit, or " : "");
  } catch (const Unsupported& unsupported) {
    throw Error(ExitCode::failed, "{}: {}; {}", context_.file_name, unsupported.what(),
                other_remedy_);
  } catch (const Damaged& damaged) {
    throw Error(ExitCode::failed, "{}: {}; {}", context_.file_name, damaged.what(), remedy_);
  }
}

bool ColumnRecords::prepare(Wait wait) {
  if (prepared_) return true;
  if (!naming([&] { return rows_->open(wait); })) return false;
  if (context_.range) {
    const ByteRange range = *context_.range;
    row_ = naming([&] { return rows_->confine(range.begin, range.end); });
    followed_ = range.begin;
  }
  selection_ = select_columns(context_.plan, rows_->columns(), context_.file_name);
  naming([&] { rows_->select(selection_.wanted); });
  numbers_.resize(selection_.numbers.size());
  return prepared_ = true;
}

bool ColumnRecords::fail(std::string reason) {
  if (reason_.empty()) reason_ = std::move(reason);
  return false;
}

bool ColumnRecords::put_scalar(FieldPlan::Slot slot, const ColumnType& type, std::string_view raw) {
  FieldValue& value = fields_.values[slot];
  value.kind = is_bare(type.kind) ? bare_kind(type.kind) : ValueKind::string;
  value.raw = value.text = raw;
  if (type.kind != ColumnKind::string || is_utf8(raw)) return true;
  return fail(fmt::format("invalid UTF-8 at byte {} of column '{}'", valid_utf8_prefix(raw),
                          context_.plan.names()[slot]));
}

/// All of them are taken before any is looked at; values that are not strings are shown first, so
/// that the views stay where they are.
void ColumnRecords::read_scalars() {
  shown_.clear();
  raw_.assign(selection_.scalars.size(), std::string_view());
  places_.clear();
  for (std::size_t i = 0; i < selection_.scalars.size(); ++i) {
    const auto& [slot, node] = selection_.scalars[i];
    if (!rows_->scalar(*node, raw_[i])) {
      fields_.values[slot].kind = ValueKind::null;
      continue;
    }
    if (node->type.kind != ColumnKind::string) {
      places_.emplace_back(i, shown_.size());
      append_shown(shown_, node->type, raw_[i]);
      continue;
    }
    size_ += raw_[i].size();
    if (size_ <= context_.options.max_line_bytes) put_scalar(slot, node->type, raw_[i]);
  }
  for (std::size_t k = 0; k < places_.size(); ++k) {
    const auto [i, start] = places_[k];
    const std::size_t end = k + 1 < places_.size() ? places_[k + 1].second : shown_.size();
    const auto& [slot, node] = selection_.scalars[i];
    put_scalar(slot, node->type, std::string_view(shown_).substr(start, end - start));
  }
}

void ColumnRecords::read_numbers() {
  // As JSON, a number takes two bytes at least.
  const std::size_t most = context_.options.max_line_bytes / 2;
  for (std::size_t i = 0; i < selection_.numbers.size(); ++i) {
    const auto& [slot, node] = selection_.numbers[i];
    numbers_[i].clear();
    const ColumnRows::Found found = rows_->numbers(*node, most, numbers_[i]);
    FieldValue& value = fields_.values[slot];
    value.kind = found == ColumnRows::Found::null ? ValueKind::null : ValueKind::array;
    value.numbers = numbers_[i];
    if (found == ColumnRows::Found::odd) {
      fail(fmt::format("field '{}' holds a null among its numbers", context_.plan.names()[slot]));
    }
    if (found == ColumnRows::Found::too_many) size_ = context_.options.max_line_bytes + 1;
  }
}

/// The nested columns as one JSON object, whose fields are then found as a JSON record's are.
bool ColumnRecords::read_nested() {
  if (selection_.nested.empty()) {
    fields_.clear();
    return true;
  }
  const std::size_t most = context_.options.max_line_bytes;
  if (json_.capacity() > (std::size_t{4} << 20)) std::string().swap(json_);  // a giant row is over
  json_.clear();
  json_ += '{';
  for (const ColumnNode* column : selection_.nested) {
    if (json_.size() > 1) json_ += ',';
    append_json_string(json_, column->name);
    json_ += ':';
    rows_->append_json(*column, json_.size() > most ? 0 : most - json_.size(), json_);
  }
  json_ += '}';
  size_ += json_.size();
  const std::size_t size = json_.size();
  json_.append(kPadding, '\n');
  if (size_ > most) {
    fields_.clear();
    return true;  // take_row() says so
  }
  if (walker_.walk(std::string_view(json_).substr(0, size), fields_)) return true;
  fields_.clear();
  return fail(walker_.error());
}

/// Takes the row at hand. The columns advance in step, also where the row turns out bad.
bool ColumnRecords::read_row() {
  reason_.clear();
  size_ = 0;
  read_nested();
  fields_.names = selection_.names;
  read_scalars();
  read_numbers();
  if (size_ > context_.options.max_line_bytes) {
    reason_ = fmt::format("the record is longer than {} bytes", context_.options.max_line_bytes);
  }
  return reason_.empty();
}

RecordReader::Step ColumnRecords::take_row() {
  ++row_;
  const bool good = naming([&] { return read_row(); });
  // What a reject shows: the first text that there is.
  std::string_view shown;
  for (const FieldPlan::Slot slot : context_.plan.text) {
    if (shown.empty()) shown = fields_.values[slot].raw;
  }
  if (!good) {
    context_.builder.reject(row_, {}, reason_, shown);
    return Step::rejected;
  }
  return context_.builder.add_row(fields_, row_, shown) ? Step::record : Step::rejected;
}

/// A file that is read at its places, not through the window, still passes through it, for its hash
/// and for the progress. False when stopped.
bool ColumnRecords::follow(Wait wait, std::uint64_t position, bool to_end) {
  ByteWindow& window = context_.window;
  while (to_end ? !(window.ended() && window.view().empty()) : followed_ < position) {
    if (window.view().empty()) {
      const auto got = window.fill(wait);
      if (got == ByteWindow::Fill::blocked) return false;
      if (got == ByteWindow::Fill::end) break;
    }
    std::uint64_t size = window.view().size();
    if (!to_end) size = std::min(size, position - followed_);
    window.consume(static_cast<std::size_t>(size));
    followed_ += size;
  }
  return true;
}

RecordReader::Step ColumnRecords::next(Wait wait) {
  if (!prepare(wait)) return Step::blocked;
  bool blocked = false;
  const bool row = naming([&] { return rows_->next_row(wait, blocked); });
  if (blocked) return Step::blocked;
  if (row) {
    const Step step = take_row();
    if (followed_ < rows_->position()) follow(wait, rows_->position(), false);
    return step;
  }
  return follow(wait, 0, true) ? Step::end : Step::blocked;
}

}  // namespace embedtool
