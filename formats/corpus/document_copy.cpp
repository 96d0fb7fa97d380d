#include "formats/corpus/document_copy.hpp"

namespace embedtool {
namespace {

/// Appends a slice of one arena to another.
template <typename T>
Slice copy_slice(const std::vector<T>& from, const Slice& slice, std::vector<T>& to) {
  const Slice copied{to.size(), slice.size};
  const auto begin = from.begin() + static_cast<std::ptrdiff_t>(slice.offset);
  to.insert(to.end(), begin, begin + static_cast<std::ptrdiff_t>(slice.size));
  return copied;
}

Slice copy_payload(const DocumentBlock& from, const Record& record, DocumentBlock& to) {
  switch (record.kind) {
    case RecordKind::text:
      return to.append(from.string(record.payload));
    case RecordKind::token_ids:
      return copy_slice(from.token_ids, record.payload, to.token_ids);
    case RecordKind::vector:
      break;
  }
  return copy_slice(from.values, record.payload, to.values);
}

}  // namespace

void copy_record(const DocumentBlock& from, std::size_t index, DocumentBlock& to) {
  EMBEDTOOL_CHECK(index < from.records.size());
  Record record = from.records[index];
  const std::size_t fields = from.kept.size() / from.records.size();
  record.id = to.append(from.string(record.id));
  record.payload = copy_payload(from, record, to);
  for (std::size_t i = index * fields; i < (index + 1) * fields; ++i) {
    const Slice& kept = from.kept[i];
    to.kept.push_back(kept.is_null() ? Slice::null() : to.append(from.string(kept)));
  }
  to.records.push_back(record);
}

}  // namespace embedtool
