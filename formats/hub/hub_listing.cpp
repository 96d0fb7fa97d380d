#include "formats/hub/hub_listing.hpp"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "core/base/error.hpp"
#include "formats/hub/content_check.hpp"
#include "formats/hub/hub_name.hpp"
#include "formats/io/json_document.hpp"

namespace embedtool {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxFiles = 100'000;
constexpr std::size_t kMaxPath = 1024;
constexpr std::size_t kMaxPart = 200;
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 50U;
constexpr std::size_t kShownPath = 120;

json parse(std::string_view text, const std::string& where) {
  try {
    return parse_json(text, where);
  } catch (const Error& error) {
    throw Error(ExitCode::failed, "{}", error.what());  // a damaged answer, not a damaged model
  }
}

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > kMaxPath) return false;
  const auto is_odd = [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f' || c == '\\';
  };
  if (std::any_of(path.begin(), path.end(), is_odd)) return false;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.size() > kMaxPart) return false;
    begin = end + 1;
  }
  return true;
}

std::string string_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string shown(const std::string& path) {
  return json(path.substr(0, kShownPath)).dump(-1, ' ', true, json::error_handler_t::replace);
}

HubFile parse_entry(const json& entry, const std::string& where) {
  HubFile file;
  file.path = string_of(entry, "path");
  if (!is_safe_path(file.path)) {
    throw Error(ExitCode::failed, "{}: lists a file named {}, which is refused", where,
                shown(file.path));
  }
  // What LFS keeps has a size and a hash of its own; oid is then that of the pointer.
  const auto lfs = entry.find("lfs");
  const json& content = lfs != entry.end() && lfs->is_object() ? *lfs : entry;
  const auto size = content.find("size");
  file.hash = string_of(content, "oid");
  if (file.hash.starts_with("sha256:")) file.hash.erase(0, 7);
  if (size == content.end() || !size->is_number_unsigned() ||
      size->get<std::uint64_t>() > kMaxBytes || !is_content_name(file.hash)) {
    throw Error(ExitCode::failed, "{}: has no size or no hash for {}", where, shown(file.path));
  }
  file.bytes = size->get<std::uint64_t>();
  return file;
}

}  // namespace

std::string parse_revision(std::string_view text, const std::string& where) {
  const json document = parse(text, where);
  std::string commit = document.is_object() ? string_of(document, "sha") : "";
  if (!is_commit(commit)) throw Error(ExitCode::failed, "{}: names no commit", where);
  return commit;
}

void parse_listing(std::string_view text, const std::string& where, std::vector<HubFile>& files) {
  const json document = parse(text, where);
  if (!document.is_array()) throw Error(ExitCode::failed, "{}: is no list of files", where);
  for (const json& entry : document) {
    if (!entry.is_object()) throw Error(ExitCode::failed, "{}: is no list of files", where);
    if (string_of(entry, "type") != "file") continue;
    if (files.size() == kMaxFiles) {
      throw Error(ExitCode::failed, "{}: lists more than {} files", where, kMaxFiles);
    }
    files.push_back(parse_entry(entry, where));
  }
}

void check_listing(std::vector<HubFile>& files, const std::string& where) {
  const auto by_path = [](const HubFile& a, const HubFile& b) { return a.path < b.path; };
  std::sort(files.begin(), files.end(), by_path);
  const auto has = [&](const std::string& path) {
    const auto found = std::lower_bound(files.begin(), files.end(), HubFile{path, 0, ""}, by_path);
    return found != files.end() && found->path == path;
  };
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string& path = files[i].path;
    bool twice = i > 0 && files[i - 1].path == path;
    for (std::size_t slash = path.find('/'); !twice && slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      twice = has(path.substr(0, slash));
    }
    if (twice) throw Error(ExitCode::failed, "{}: lists {} twice", where, shown(path));
  }
}

}  // namespace embedtool
