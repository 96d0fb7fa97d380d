#include "formats/output/export_columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "formats/io/uuid.hpp"

namespace embedtool {

ExportColumns::ExportColumns(const OutputSpec& spec, ExportId id_type, bool row_numbers,
                             const std::string& output)
    : spec_(spec), uuids_(id_type == ExportId::uuid), row_numbers_(row_numbers) {
  if (!row_numbers_) return;
  const auto taken = std::find_if(spec_.kept_fields.begin(), spec_.kept_fields.end(),
                                  [](const KeptField& field) { return field.name == kRowColumn; });
  if (taken != spec_.kept_fields.end()) {
    throw Error(ExitCode::usage, "--row-numbers: {} keeps a field of that name, '{}'", output,
                kRowColumn);
  }
  spec_.kept_fields.push_back({std::string(kRowColumn), FieldType::int64});
}

void ExportColumns::change(OutputBlock& block) {
  DocumentBlock& documents = block.documents;
  if (uuids_) {
    for (Record& record : documents.records) {
      const std::string_view id = documents.id(record);
      const std::optional<Uuid> own = uuid_of(id);
      record.id = documents.append(uuid_text(own ? *own : name_uuid(id)));
    }
  }
  if (row_numbers_) number(documents);
}

/// Adds a column behind the others.
void ExportColumns::number(DocumentBlock& documents) {
  const std::size_t before = spec_.kept_fields.size() - 1;
  std::vector<Slice> kept;
  kept.reserve(documents.records.size() * (before + 1));
  for (std::size_t row = 0; row < documents.records.size(); ++row) {
    const auto first = documents.kept.begin() + static_cast<std::ptrdiff_t>(row * before);
    kept.insert(kept.end(), first, first + static_cast<std::ptrdiff_t>(before));
    kept.push_back(documents.append(fmt::format_int(row_++).c_str()));
  }
  documents.kept = std::move(kept);
}

}  // namespace embedtool
