#include "formats/hub/hub_cache.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <system_error>

#include "core/base/error.hpp"
#include "formats/hub/file_choice.hpp"
#include "formats/hub/small_file.hpp"
#include "formats/io/json_document.hpp"

namespace embedtool {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMaxEntries = 100'000;  // of a folder that somebody else filled
constexpr std::size_t kMaxRef = 256;

// All entries below a folder that are no folders, relative to it. What cannot be read is left out.
std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> out;
  std::error_code failed;
  auto at = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied,
                                             failed);
  const fs::recursive_directory_iterator end;
  while (!failed && at != end && out.size() < kMaxEntries) {
    std::error_code unknown;
    if (!at->is_directory(unknown)) out.push_back(at->path().lexically_relative(folder).string());
    at.increment(failed);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> folders_in(const fs::path& folder) {
  std::vector<std::string> out;
  std::error_code failed;
  fs::directory_iterator at(folder, failed);
  while (!failed && at != fs::directory_iterator() && out.size() < kMaxEntries) {
    std::error_code unknown;
    if (at->is_directory(unknown)) out.push_back(at->path().filename().string());
    at.increment(failed);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// The commit that a ref holds, or "" where there is no such ref or no commit in it.
std::string commit_of_ref(const fs::path& repo, const std::string& ref) {
  std::string text;
  try {
    text = read_small_file((repo / "refs" / ref).string(), kMaxRef).value_or("");
  } catch (const Error&) {
    return "";
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  const bool is_name = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
  return is_name ? text : "";
}

std::optional<json> read_json(const fs::path& file) {
  const auto text = read_small_file(file.string(), JsonLimits{}.bytes);
  if (!text) return std::nullopt;
  return parse_json(*text, file.string());
}

// What a snapshot's own files say that it should have, too.
class SnapshotCheck {
 public:
  explicit SnapshotCheck(const fs::path& folder) : folder_(folder) {
    for (std::string& path : files_below(folder)) {
      std::error_code failed;
      const bool whole = fs::is_regular_file(folder / path, failed);
      files_.push_back({path, 0, ""});
      if (!whole) broken_.insert(std::move(path));
    }
    choice_ = choose_files(files_);
  }

  std::string missing() const {
    for (const HubFile& file : choice_.taken) {
      if (broken_.count(file.path)) return file.path;  // its blob is gone
    }
    if (!has("config.json") && !has("modules.json") && !has_gguf()) return "config.json";
    if (std::string name = missing_of_modules(); !name.empty()) return name;
    if (std::string name = missing_shard(); !name.empty()) return name;
    return choice_.has_weights || has_other_weights() ? "" : "model.safetensors";
  }

 private:
  bool has(const std::string& path) const {
    return !broken_.count(path) &&
           std::any_of(files_.begin(), files_.end(), [&](const auto& f) { return f.path == path; });
  }

  bool has_gguf() const {
    return std::any_of(files_.begin(), files_.end(),
                       [](const HubFile& file) { return file.path.ends_with(".gguf"); });
  }

  // Weights that the loader explains, or an adapter's.
  bool has_other_weights() const {
    constexpr std::string_view kEndings[] = {".gguf", ".safetensors", ".bin",  ".pt",
                                             ".h5",   ".msgpack",     ".onnx", ".xml"};
    return std::any_of(files_.begin(), files_.end(), [&](const HubFile& file) {
      return std::any_of(std::begin(kEndings), std::end(kEndings),
                         [&](std::string_view ending) { return file.path.ends_with(ending); });
    });
  }

  // Of modules, only Normalize may have an empty folder, which git does not keep.
  std::string missing_of_modules() const {
    const auto modules = read_json(folder_ / "modules.json");
    if (!modules || !modules->is_array()) return {};
    for (const json& module : *modules) {
      if (!module.is_object()) continue;
      const auto path = module.find("path");
      const auto type = module.find("type");
      if (path == module.end() || !path->is_string() || type == module.end() ||
          !type->is_string()) {
        continue;
      }
      const std::string name = path->get<std::string>();
      const std::string kind = type->get<std::string>();
      if (!name.empty() && kind.ends_with("Pooling") && !has(name + "/config.json")) {
        return name + "/config.json";
      }
    }
    return {};
  }

  std::string missing_shard() const {
    for (const HubFile& file : choice_.taken) {
      if (!file.path.ends_with(".index.json")) continue;
      const auto index = read_json(folder_ / file.path);
      const auto map =
          index && index->is_object() ? index->find("weight_map") : json::const_iterator();
      if (!index || !index->is_object() || map == index->end() || !map->is_object()) continue;
      const std::string beside = file.path.substr(0, file.path.rfind('/') + 1);
      std::set<std::string> shards;
      for (const json& shard : *map) {
        if (shard.is_string()) shards.insert(beside + shard.get<std::string>());
      }
      for (const std::string& shard : shards) {
        if (!has(shard)) return shard;
      }
    }
    return {};
  }

  fs::path folder_;
  std::vector<HubFile> files_;
  std::set<std::string> broken_;
  FileChoice choice_;
};

CachedSnapshot snapshot_in(const fs::path& repo, const std::string& name,
                           const std::string& commit) {
  CachedSnapshot snapshot{name, commit, {}, {}};
  const fs::path folder = repo / "snapshots" / commit;
  std::error_code failed;
  if (commit.empty() || !fs::is_directory(folder, failed)) return snapshot;
  snapshot.folder = folder.string();
  snapshot.missing = SnapshotCheck(folder).missing();
  return snapshot;
}

[[noreturn]] void throw_missing(const CachedSnapshot& snapshot, const std::string& asked) {
  throw Error(ExitCode::model,
              "{}: only a part of it is in the hub's cache ({} has no {}); complete it with "
              "embedtool pull {}",
              asked, snapshot.folder, snapshot.missing, asked);
}

// "; it has main, v2": what to choose from.
std::string other_revisions(const fs::path& repo) {
  std::string names;
  for (const std::string& ref : files_below(repo / "refs")) names += ", @" + ref;
  for (const std::string& commit : folders_in(repo / "snapshots")) names += ", @" + commit;
  return names.empty() ? "" : "; there are " + names.substr(2);
}

}  // namespace

bool is_cached_repo(const std::string& path) {
  std::error_code failed;
  fs::path folder = fs::absolute(path, failed).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  return repo_of_cache_folder(folder.filename().string()).has_value() &&
         fs::is_directory(folder / "snapshots", failed);
}

CachedSnapshot look_up(const HubName& name, const std::string& cache) {
  const fs::path repo = fs::path(cache) / cache_folder_of(name.repo);
  // A commit's folder needs no ref; a branch may look like a commit, but not to git.
  const std::string commit =
      is_commit(name.revision) ? name.revision : commit_of_ref(repo, name.revision);
  return snapshot_in(repo, name.repo, commit);
}

CachedSnapshot find_in_cache(const HubName& name, const HubSettings& settings) {
  const std::string asked = to_string(name);
  if (settings.cache.empty()) {
    throw Error(ExitCode::model,
                "{}: no such folder, and where the hub's cache is cannot be told without HOME; set "
                "HF_HUB_CACHE",
                asked);
  }
  CachedSnapshot snapshot = look_up(name, settings.cache);
  if (snapshot.folder.empty()) {
    throw Error(ExitCode::model,
                "{}: neither a file nor a folder, and not in the hub's cache ({}){}; fetch it with "
                "embedtool pull {}",
                asked, settings.cache,
                other_revisions(fs::path(settings.cache) / cache_folder_of(name.repo)), asked);
  }
  if (!snapshot.missing.empty()) throw_missing(snapshot, asked);
  return snapshot;
}

CachedSnapshot find_in_repo(const std::string& path) {
  const fs::path repo = fs::absolute(path).lexically_normal();
  const std::string folder = (repo.has_filename() ? repo : repo.parent_path()).filename().string();
  const std::string name = repo_of_cache_folder(folder).value_or(folder);
  std::string commit = commit_of_ref(repo, HubName{}.revision);
  const std::vector<std::string> all = folders_in(repo / "snapshots");
  if (commit.empty() && all.size() == 1) commit = all.front();
  const CachedSnapshot snapshot = snapshot_in(repo, name, commit);
  if (snapshot.folder.empty()) {
    throw Error(ExitCode::model,
                "{}: its refs/main leads to none of {} snapshots; give the path of one, or fetch "
                "the model with embedtool pull {}",
                path, all.size(), name);
  }
  if (!snapshot.missing.empty()) throw_missing(snapshot, name);
  return snapshot;
}

std::vector<ListedSnapshot> list_cache(const HubSettings& settings) {
  std::vector<ListedSnapshot> out;
  if (settings.cache.empty()) return out;
  for (const std::string& folder : folders_in(settings.cache)) {
    const auto name = repo_of_cache_folder(folder);
    if (!name) continue;
    const fs::path repo = fs::path(settings.cache) / folder;
    std::map<std::string, std::vector<std::string>> refs;
    for (const std::string& ref : files_below(repo / "refs")) {
      refs[commit_of_ref(repo, ref)].push_back(ref);
    }
    for (const std::string& commit : folders_in(repo / "snapshots")) {
      ListedSnapshot& listed = out.emplace_back();
      try {
        static_cast<CachedSnapshot&>(listed) = snapshot_in(repo, *name, commit);
      } catch (const Error&) {
        // A file of it is damaged, which whoever loads it will be told.
        static_cast<CachedSnapshot&>(listed) = {
            *name, commit, (repo / "snapshots" / commit).string(), {}};
      }
      listed.refs = refs[commit];
      std::set<std::string> counted;
      for (const std::string& file : files_below(listed.folder)) {
        std::error_code failed;
        const fs::path blob = fs::canonical(fs::path(listed.folder) / file, failed);
        if (failed || !counted.insert(blob.string()).second) continue;
        const auto size = fs::file_size(blob, failed);
        if (!failed) listed.bytes += size;
      }
    }
  }
  return out;
}

}  // namespace embedtool
