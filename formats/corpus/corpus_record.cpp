#include "formats/corpus/corpus_record.hpp"

#include <fmt/core.h>
#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <functional>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "formats/corpus/corpus_numbers.hpp"
#include "formats/io/bytes_utf8.hpp"
#include "formats/io/field_value.hpp"

namespace embedtool {
namespace {

/// Valid JSON of what Python's json writes: NaN and Infinity become null.
std::string without_not_finite(std::string_view json) {
  std::string out;
  bool in_string = false;
  for (std::size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (in_string && c == '\\' && at + 1 < json.size()) {
      out += c;
      out += json[++at];
      continue;
    }
    if (c == '"') in_string = !in_string;
    const bool word = !in_string && (c == 'N' || c == 'I' || c == '-');
    const std::string_view rest = json.substr(at);
    const std::size_t sign = c == '-' ? 1 : 0;
    const std::size_t length = !word                                       ? 0
                               : rest.substr(sign).starts_with("NaN")      ? sign + 3
                               : rest.substr(sign).starts_with("Infinity") ? sign + 8
                                                                           : 0;
    if (length > 0) {
      out += "null";
      at += length - 1;
    } else {
      out += c;
    }
  }
  return out;
}

/// Appends JSON text without the white space between its tokens.
Slice append_compact(DocumentBlock& block, std::string_view json) {
  const std::size_t start = block.bytes.size();
  block.bytes.resize(start + json.size());
  std::size_t size = 0;
  const auto error = simdjson::minify(json.data(), json.size(), block.bytes.data() + start, size);
  if (error != simdjson::SUCCESS) {  // cannot be: the reader has validated it
    size = json.size();
    std::memcpy(block.bytes.data() + start, json.data(), size);
  }
  block.bytes.resize(start + size);
  const std::string_view text(block.bytes.data() + start, size);
  if (text.find("NaN") == std::string_view::npos &&
      text.find("Infinity") == std::string_view::npos) {
    return {start, size};
  }
  const std::string valid = without_not_finite(text);
  block.bytes.resize(start);
  return block.append(valid);
}

/// What is missing is NaN where pandas has written it.
bool is_missing(ValueKind kind) {
  return kind == ValueKind::absent || kind == ValueKind::null || kind == ValueKind::not_finite;
}

}  // namespace

RecordBuilder::Mark RecordBuilder::mark() const {
  return {block_->bytes.size(), block_->token_ids.size(), block_->values.size(),
          block_->kept.size()};
}

void RecordBuilder::set_file(std::uint32_t file, std::string_view name, const ByteWindow& window) {
  file_ = file;
  file_id_ = readable_name(name);
  window_ = &window;
}

Record RecordBuilder::begin_record(std::uint64_t line, std::string_view bytes) {
  has_own_id_ = false;
  bytes_ = bytes;
  Record record;
  record.file = file_;
  record.line = line;
  record.ordinal = accepted();
  record.position = position();
  return record;
}

// The running hash covers what the output is made of: id, payload and kept fields, rejects' bytes.
void RecordBuilder::accept(Record& record, const Mark& before) {
  const DocumentBlock& block = *block_;
  prefix_ = hash128(block.bytes.data() + before.bytes, block.bytes.size() - before.bytes,
                    prefix_ + record.payload.size)
                .low;
  if (record.kind == RecordKind::token_ids) {
    prefix_ = hash128(block.token_ids.data() + before.ids,
                      (block.token_ids.size() - before.ids) * sizeof(TokenId), prefix_)
                  .low;
  } else if (record.kind == RecordKind::vector) {
    prefix_ = hash128(block.values.data() + before.values,
                      (block.values.size() - before.values) * sizeof(float), prefix_)
                  .low;
  }
  record.prefix = prefix_;
  block_->records.push_back(record);
  accepted_.fetch_add(1, std::memory_order_relaxed);
}

void RecordBuilder::reject(std::uint64_t line, std::string_view id, std::string_view reason,
                           std::string_view bytes) {
  const std::uint64_t at = position();
  prefix_ = hash128(bytes, ~prefix_).low;
  rejected_.fetch_add(1, std::memory_order_relaxed);
  rejects_.add({file_, line, id, reason, bytes, at});
}

bool RecordBuilder::add(const RecordFields& fields, std::uint64_t line, std::string_view bytes) {
  // Marks to return to when the record turns out bad half-way.
  const Mark before = mark();
  Record record = begin_record(line, bytes);
  if (!fill(fields, record) || !put_kept(fields) || !check_id(record)) {
    return withdraw(record, before);
  }
  accept(record, before);
  return true;
}

bool RecordBuilder::add_row(const RecordFields& fields, std::uint64_t row, std::string_view shown) {
  row_ = row;
  const bool added = add(fields, row, shown);
  row_ = 0;
  return added;
}

/// Makes a reject of the record, of which nothing stays in the block. False.
bool RecordBuilder::withdraw(const Record& record, const Mark& before) {
  const std::string id(has_own_id_ ? block_->id(record) : std::string_view());
  block_->bytes.resize(before.bytes);
  block_->token_ids.resize(before.ids);
  block_->values.resize(before.values);
  block_->kept.resize(before.kept);
  reject(record.line, id, reason_, bytes_);
  return false;
}

// Inlined, since lines of text are the cheapest records of all.
[[gnu::always_inline]] inline bool RecordBuilder::add_plain(std::string_view text, Record& record,
                                                            const Mark& before) {
  record.payload = block_->append(text);
  const bool next_number =
      !has_own_id_ && options_.id_from == IdFrom::position && ids_.continues(record.position);
  if (!next_number && !check_id(record)) return withdraw(record, before);
  block_->kept.insert(block_->kept.end(), plan_.keep.size(), Slice::null());
  accept(record, before);
  return true;
}

bool RecordBuilder::add_text(std::string_view text, std::uint64_t line) {
  const Mark before = mark();
  Record record = begin_record(line, text);
  record.id = generated_id(record.line);
  return add_plain(text, record, before);
}

bool RecordBuilder::add_file(std::string_view text) {
  const Mark before = mark();
  Record record = begin_record(1, text);
  record.id = block_->append(file_id_);
  has_own_id_ = true;
  return add_plain(text, record, before);
}

bool RecordBuilder::fill(const RecordFields& fields, Record& record) {
  const auto holds = [&](FieldPlan::Slot slot) {
    if (slot == FieldPlan::kNone) return false;
    return !is_missing(fields.values[slot].kind);
  };
  // The id first: a reject for any other reason can then be named by it.
  if (!put_id(fields, record)) return false;
  // What is furthest along wins: a vector needs no model, ids need no tokenizer.
  if (holds(plan_.vector)) return put_vector(fields.values[plan_.vector], record);
  if (holds(plan_.ids)) return put_ids(fields.values[plan_.ids], record);
  return put_text(fields, record);
}

/// False for an id that another record had before, where that is an error. Generated numbers differ
/// from each other, but not necessarily from other records' own ids.
bool RecordBuilder::check_id(const Record& record) {
  const bool numbered = !has_own_id_ && options_.id_from == IdFrom::position;
  const bool seen =
      numbered ? ids_.insert_generated(record.position) : ids_.insert(block_->id(record));
  overflowed_.store(ids_.overflowed(), std::memory_order_relaxed);
  if (!seen) return true;
  duplicate_ids_.fetch_add(1, std::memory_order_relaxed);
  if (!options_.unique_ids) return true;
  reason_ = "duplicate id: an earlier record has it (--duplicate-ids)";
  return false;
}

/// For the current record; see IdFrom.
Slice RecordBuilder::generated_id(std::uint64_t line) {
  if (options_.id_from == IdFrom::offset) {
    const Slice name = block_->append(file_id_);
    block_->append("@");
    append_number(row_ > 0 ? row_ - 1 : offset());
    return {name.offset, block_->bytes.size() - name.offset};
  }
  if (options_.units) {
    throw Error(
        ExitCode::usage,
        "{}: a record without an id (line {} of its part): its position in the inputs is not "
        "known where they are encoded in parts; name the field that holds ids (--id-field), "
        "or add --id-from offset",
        file_id_, line);
  }
  return append_number(position());
}

Slice RecordBuilder::append_number(std::uint64_t number) {
  char digits[20];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  return block_->append({digits, static_cast<std::size_t>(end - digits)});
}

/// Of the current record's first byte in its file.
std::uint64_t RecordBuilder::offset() const {
  const std::string_view view = window_->view();
  const bool inside = std::less_equal<>()(view.data(), bytes_.data()) &&
                      std::less_equal<>()(bytes_.data(), view.data() + view.size());
  EMBEDTOOL_CHECK(inside);  // readers hand over records in place
  return window_->consumed() +
         (inside ? static_cast<std::uint64_t>(bytes_.data() - view.data()) : 0);
}

bool RecordBuilder::put_id(const RecordFields& fields, Record& record) {
  for (const FieldPlan::Slot slot : plan_.id) {
    const FieldValue& value = fields.values[slot];
    switch (value.kind) {
      case ValueKind::string:
        record.id = block_->append(value.text);
        has_own_id_ = true;
        return true;
      case ValueKind::number:
        // As written: a 64-bit id, or one with leading digits that matter, survives no double.
        record.id = block_->append(value.raw);
        has_own_id_ = true;
        return true;
      case ValueKind::absent:
        if (plan_.id_required) return explain_missing(slot, fields, "--id-field");
        continue;
      case ValueKind::null:
        if (!plan_.id_required) continue;
        [[fallthrough]];
      default:
        reason_ = fmt::format("field '{}' holds {}; an id must be a string or a number", name(slot),
                              describe(value.kind));
        return false;
    }
  }
  record.id = generated_id(record.line);
  return true;
}

/// `option` names another field.
bool RecordBuilder::explain_missing(FieldPlan::Slot slot, const RecordFields& fields,
                                    std::string_view option) {
  reason_ = fmt::format("no field '{}'; the record has {} ({})", name(slot),
                        list_names(fields.names), option);
  return false;
}

/// Appends a piece of the text that began at `start`; an empty one leaves no joiner behind.
void RecordBuilder::put_joined(std::string_view part, std::size_t start) {
  if (part.empty()) return;
  if (block_->bytes.size() > start) block_->append(options_.joiner);
  block_->append(part);
}

bool RecordBuilder::put_text_part(const RecordFields& fields, FieldPlan::Slot slot,
                                  std::size_t start) {
  const FieldValue& value = fields.values[slot];
  if (value.kind == ValueKind::absent) return explain_missing(slot, fields, "--text-field");
  if (value.kind == ValueKind::string) {
    put_joined(value.text, start);
    return true;
  }
  if (value.kind == ValueKind::array && value.odd_element == ValueKind::absent) {
    for (std::size_t i = 0; i < value.n_parts; ++i) {
      put_joined(fields.parts[value.first_part + i], start);
    }
    return true;
  }
  const bool array = value.kind == ValueKind::array;
  reason_ = fmt::format("field '{}' holds {}{}; a text must be a string or an array of strings",
                        name(slot), array ? "an array with " : "",
                        describe(array ? value.odd_element : value.kind));
  return false;
}

bool RecordBuilder::put_text(const RecordFields& fields, Record& record) {
  record.kind = RecordKind::text;
  const std::size_t start = block_->bytes.size();
  if (plan_.default_text && fields.values[plan_.beir_id].kind != ValueKind::absent) {
    // BEIR's layout; a title that is null or not there is one that is empty.
    const ValueKind title = fields.values[plan_.beir_title].kind;
    const bool none = title == ValueKind::absent || title == ValueKind::null;
    if (!none && !put_text_part(fields, plan_.beir_title, start)) return false;
  }
  for (const FieldPlan::Slot slot : plan_.text) {
    if (!put_text_part(fields, slot, start)) return false;
  }
  record.payload = {start, block_->bytes.size() - start};
  return true;
}

bool RecordBuilder::put_ids(const FieldValue& value, Record& record) {
  record.kind = RecordKind::token_ids;
  const std::string& field = name(plan_.ids);
  if (value.kind != ValueKind::array) {
    reason_ =
        fmt::format("field '{}' holds {}, not an array of token ids", field, describe(value.kind));
    return false;
  }
  // TokenId is an int32; a vocabulary that is not known allows all of its range.
  const std::int64_t bound = options_.vocab_size > 0 && options_.vocab_size < 0x80000000
                                 ? static_cast<std::int64_t>(options_.vocab_size)
                                 : std::int64_t{0x80000000};
  const std::size_t start = block_->token_ids.size();
  if (!(value.numbers ? take_ids(*value.numbers, bound) : take_ids(value.raw, bound))) return false;
  record.payload = {start, block_->token_ids.size() - start};
  if (record.payload.size > 0) return true;
  reason_ = fmt::format("field '{}' holds no ids", field);
  return false;
}

namespace {

std::string explain_id(std::string_view field, std::size_t index, std::string_view number,
                       std::int64_t bound) {
  return fmt::format("{}[{}] = {} is not a token id (a whole number from 0 to {})", field, index,
                     number.substr(0, 32), bound - 1);
}

}  // namespace

bool RecordBuilder::take_ids(std::span<const double> numbers, std::int64_t bound) {
  const std::string& field = name(plan_.ids);
  if (options_.max_ids > 0 && numbers.size() > options_.max_ids) {
    reason_ = fmt::format("field '{}' holds more than {} ids", field, options_.max_ids);
    return false;
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double number = numbers[i];
    if (!(number >= 0 && number < static_cast<double>(bound)) || number != std::floor(number)) {
      reason_ = explain_id(field, i, fmt::format("{}", number), bound);
      return false;
    }
    block_->token_ids.push_back(static_cast<TokenId>(number));
  }
  return true;
}

bool RecordBuilder::take_ids(std::string_view json, std::int64_t bound) {
  const std::string& field = name(plan_.ids);
  NumberArray array(json);
  std::string_view number;
  auto step = array.next(number);
  for (std::size_t index = 0; step == NumberArray::Step::number; step = array.next(number)) {
    if (options_.max_ids > 0 && index == options_.max_ids) {
      reason_ = fmt::format("field '{}' holds more than {} ids", field, options_.max_ids);
      return false;
    }
    // from_chars takes the digits of 1.0 or 1e2 and stops: `stop` tells such numbers apart.
    std::int64_t id = -1;
    const char* end = number.data() + number.size();
    const auto [stop, error] = std::from_chars(number.data(), end, id);
    if (error != std::errc() || stop != end || id < 0 || id >= bound) {
      reason_ = explain_id(field, index, number, bound);
      return false;
    }
    block_->token_ids.push_back(static_cast<TokenId>(id));
    ++index;
  }
  if (step == NumberArray::Step::end) return true;
  reason_ = fmt::format("field '{}' is not an array of whole numbers", field);
  return false;
}

bool RecordBuilder::put_vector(const FieldValue& value, Record& record) {
  record.kind = RecordKind::vector;
  const std::string& field = name(plan_.vector);
  if (value.kind != ValueKind::array) {
    reason_ =
        fmt::format("field '{}' holds {}, not an array of numbers", field, describe(value.kind));
    return false;
  }
  const std::size_t start = block_->values.size();
  if (!(value.numbers ? take_vector(*value.numbers) : take_vector(value.raw))) return false;
  record.payload = {start, block_->values.size() - start};
  const std::size_t wanted = options_.vector_dims;
  if (record.payload.size > 0 && (wanted == 0 || record.payload.size == wanted)) return true;
  reason_ = fmt::format("field '{}' holds {} numbers{}", field, record.payload.size,
                        wanted > 0 ? fmt::format(", not {}", wanted) : "");
  return false;
}

bool RecordBuilder::take_vector(std::span<const double> numbers) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto element = static_cast<float>(numbers[i]);
    if (!std::isfinite(element)) {
      reason_ = fmt::format(
          "{}[{}] = {} is {}", name(plan_.vector), i, numbers[i],
          std::isfinite(numbers[i]) ? "beyond the range of a float" : "not a finite number");
      return false;
    }
    block_->values.push_back(element);
  }
  return true;
}

bool RecordBuilder::take_vector(std::string_view json) {
  const std::string& field = name(plan_.vector);
  NumberArray array(json);
  std::string_view number;
  auto step = array.next(number);
  for (std::size_t i = 0; step == NumberArray::Step::number; step = array.next(number), ++i) {
    float element = 0.0F;
    if (!parse_float(number, element)) {
      reason_ =
          fmt::format("{}[{}] = {} is beyond the range of a float", field, i, number.substr(0, 32));
      return false;
    }
    block_->values.push_back(element);
  }
  if (step == NumberArray::Step::end) return true;
  reason_ = fmt::format("field '{}' is not an array of numbers", field);
  return false;
}

bool RecordBuilder::put_kept(const RecordFields& fields) {
  if (!plan_.keep.empty() && accepted() == 0) first_names_ = list_names(fields.names);
  for (std::size_t i = 0; i < plan_.keep.size(); ++i) {
    const FieldValue& value = fields.values[plan_.keep[i]];
    if (value.kind != ValueKind::absent) kept_seen_[i] = true;
    if (is_missing(value.kind)) {
      block_->kept.push_back(Slice::null());
    } else if (plan_.keep_types[i] != FieldType::string) {
      if (!put_typed(value, i)) return false;
    } else if (value.kind == ValueKind::string) {
      block_->kept.push_back(block_->append(value.text));
    } else {
      block_->kept.push_back(append_compact(*block_, value.raw));
    }
  }
  return true;
}

/// A typed value may be written as a string: CSV has nothing else. An empty one is none.
bool RecordBuilder::put_typed(const FieldValue& value, std::size_t field) {
  const FieldType type = plan_.keep_types[field];
  const std::string_view text = value.kind == ValueKind::string ? value.text : value.raw;
  if (text.empty()) {
    block_->kept.push_back(Slice::null());
    return true;
  }
  canonical_.clear();
  if (append_canonical(type, text, canonical_)) {
    block_->kept.push_back(block_->append(canonical_));
    return true;
  }
  const bool nested = value.kind == ValueKind::array || value.kind == ValueKind::object;
  reason_ = fmt::format("field '{}' holds {}, not {} as --keep says", name(plan_.keep[field]),
                        nested ? std::string(describe(value.kind)) : list_names({&text, 1}),
                        describe(type));
  return false;
}

}  // namespace embedtool
