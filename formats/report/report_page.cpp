#include "formats/report/report_page.hpp"

#include <nlohmann/json.hpp>
#include <string_view>

#include "core/base/error.hpp"

// Made by the assembler of formats/report/page/.
extern const char embedtool_page_html[];
extern const char embedtool_page_html_end[];
extern const char embedtool_page_css[];
extern const char embedtool_page_css_end[];
extern const char embedtool_page_js[];
extern const char embedtool_page_js_end[];

namespace embedtool {
namespace {

std::string_view part(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

void fill_in(std::string& page, std::string_view mark, std::string_view text) {
  page.replace(page.find(mark), mark.size(), text);
}

/// JSON that may stand inside a script element: nothing in it can end the element.
std::string embeddable(const nlohmann::ordered_json& json) {
  const std::string text =
      json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string report_page(const std::vector<NamedReport>& reports) {
  nlohmann::ordered_json runs = nlohmann::ordered_json::array();
  for (const NamedReport& report : reports) {
    const auto json = nlohmann::ordered_json::parse(report.json, nullptr, false);
    if (!json.is_object()) {
      throw Error(ExitCode::failed, "{}: the report is not valid JSON", report.name);
    }
    const auto schema = json.find("schema");
    if (schema == json.end() || *schema != kReportSchema) {
      throw Error(ExitCode::failed,
                  "{}: the report has schema {}, but this program reads schema {}; encode again, "
                  "or use the program that wrote it",
                  report.name, schema == json.end() ? "none" : schema->dump(), kReportSchema);
    }
    runs.push_back({{"name", report.name}, {"report", json}});
  }
  std::string page(part(embedtool_page_html, embedtool_page_html_end));
  fill_in(page, "/*STYLE*/", part(embedtool_page_css, embedtool_page_css_end));
  fill_in(page, "/*SCRIPT*/", part(embedtool_page_js, embedtool_page_js_end));
  fill_in(page, "/*RUNS*/", embeddable(runs));
  return page;
}

}  // namespace embedtool
