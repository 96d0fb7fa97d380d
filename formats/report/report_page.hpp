#pragma once

#include <string>
#include <vector>

namespace embedtool {

/// A run's report and its display name.
struct NamedReport {
  std::string name;
  std::string json;  ///< as report_json() writes it
};

/// One self-contained HTML page that shows the reports: no network, no other file. Several are
/// compared side by side, then shown one after the other. Throws Error(failed) for a report that is
/// not JSON or has another schema.
std::string report_page(const std::vector<NamedReport>& reports);

/// The schema number of reports that this program writes and shows.
inline constexpr int kReportSchema = 3;

}  // namespace embedtool
