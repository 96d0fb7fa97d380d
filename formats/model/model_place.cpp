#include "formats/model/model_place.hpp"

#include <fmt/core.h>

#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "formats/hub/hub_cache.hpp"
#include "formats/hub/hub_name.hpp"
#include "formats/model/builtin_model.hpp"

namespace embedtool {
namespace {

namespace fs = std::filesystem;

// The folder's own name; in a hub's cache (models--ORG--NAME/snapshots/REVISION) the model's.
std::string display_name(const fs::path& path) {
  std::error_code failed;
  fs::path full = fs::weakly_canonical(path, failed);
  if (failed) full = path;
  if (!full.has_filename()) full = full.parent_path();
  if (full.parent_path().filename() == "snapshots") {
    const std::string folder = full.parent_path().parent_path().filename().string();
    if (const auto repo = repo_of_cache_folder(folder)) return *repo;
  }
  return full.filename().string();
}

// The GGUF file of a snapshot that holds nothing else; "" where the folder itself is a model.
std::string only_gguf(const CachedSnapshot& snapshot) {
  std::vector<std::string> ggufs;
  std::error_code failed;
  for (const char* name : {"config.json", "modules.json", kGgufName}) {
    if (fs::exists(fs::path(snapshot.folder) / name, failed)) return "";
  }
  for (fs::directory_iterator at(snapshot.folder, failed), end; !failed && at != end;
       at.increment(failed)) {
    if (at->path().extension() == ".gguf") ggufs.push_back(at->path().filename().string());
  }
  if (ggufs.size() > 1) {
    throw Error(ExitCode::model, "{}: contains {} GGUF files; give the path of one: -m {}/{}",
                snapshot.repo, ggufs.size(), snapshot.folder, ggufs.front());
  }
  return ggufs.empty() ? "" : ggufs.front();
}

ModelPlace place_of(const CachedSnapshot& snapshot) {
  ModelPlace place;
  place.files = std::make_unique<DirectoryFileSet>(snapshot.folder);
  place.name = snapshot.repo;
  place.gguf_name = only_gguf(snapshot);
  return place;
}

ModelPlace place_of_file(const fs::path& path) {
  if (path.extension() != ".gguf") {
    throw Error(ExitCode::model,
                "{}: is a file; give the folder that contains the model, or a .gguf file",
                path.string());
  }
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  return {std::make_unique<DirectoryFileSet>(folder), path.stem().string(),
          path.filename().string(), ""};
}

// ORG/NAME is asked for; a name alone may as well be misspelt, so the cache has to know it.
std::optional<ModelPlace> find_by_name(const std::string& text) {
  const auto name = find_hub_name(text);
  if (!name) return std::nullopt;
  const HubSettings settings = hub_settings();
  const bool has_org = name->repo.find('/') != std::string::npos;
  if (!has_org && (settings.cache.empty() || look_up(*name, settings.cache).folder.empty())) {
    return std::nullopt;
  }
  const CachedSnapshot snapshot = find_in_cache(*name, settings);
  ModelPlace place = place_of(snapshot);
  place.hub_name = snapshot.repo + "@" + snapshot.commit;
  return place;
}

}  // namespace

ModelPlace find_model(const std::string& path_or_name) {
  if (is_builtin_name(path_or_name)) return {open_builtin(path_or_name), path_or_name, "", ""};
  std::error_code failed;
  const fs::path path(path_or_name);
  if (fs::is_directory(path, failed)) {
    if (is_cached_repo(path_or_name)) return place_of(find_in_repo(path_or_name));
    return {std::make_unique<DirectoryFileSet>(path_or_name), display_name(path), "", ""};
  }
  if (fs::exists(path, failed)) return place_of_file(path);
  if (auto place = find_by_name(path_or_name)) return std::move(*place);
  throw Error(ExitCode::model,
              "{}: no such model; give a model folder from a hub, ORG/NAME that embedtool pull has "
              "fetched, a .gguf file, builtin or builtin-fast",
              path_or_name);
}

}  // namespace embedtool
