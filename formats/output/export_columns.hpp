#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/enum_words.hpp"
#include "core/data.hpp"
#include "formats/parquet/parquet_reader.hpp"

namespace embedtool {

/// The column of row numbers.
inline constexpr std::string_view kRowColumn = "row";

/// What an id becomes.
enum class ExportId : std::uint8_t {
  string,  ///< as it is
  uuid,    ///< a UUID as it is, of any other the one that name_uuid() makes
};
template <>
inline constexpr auto enum_words<ExportId> = std::to_array<EnumWord<ExportId>>({
    {ExportId::string, "string"},
    {ExportId::uuid, "uuid"},
});

/// What an export changes in the columns of an output.
class ExportColumns {
 public:
  /// Throws Error(usage) naming `output` if it keeps a field that is called as the column of
  /// numbers.
  ExportColumns(const OutputSpec& spec, ExportId id_type, bool row_numbers,
                const std::string& output);

  /// What the rows are then.
  const OutputSpec& spec() const { return spec_; }
  /// Changes the next rows, which follow those before.
  void change(OutputBlock& block);

 private:
  void number(DocumentBlock& documents);

  OutputSpec spec_;
  bool uuids_;
  bool row_numbers_;
  std::uint64_t row_ = 0;  ///< the next
};

}  // namespace embedtool
