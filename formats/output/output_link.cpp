#include "formats/output/output_link.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <random>
#include <set>
#include <system_error>

#include "core/base/error.hpp"
#include "core/base/human.hpp"
#include "formats/io/durable_file.hpp"
#include "formats/output/run_dir.hpp"
#include "formats/output/shard_reader.hpp"

namespace embedtool {
namespace {

namespace fs = std::filesystem;

/// Links and outputs on their way in or out: what a kill leaves behind is known by its name.
std::string temp_name(std::string_view purpose) {
  return std::string(kTempPrefix) + std::string(purpose);
}
const std::string kTempLink = temp_name("link-");
const std::string kRemoved = temp_name("removed-");

fs::path absolute(const std::string& path) {
  fs::path normal = fs::absolute(path).lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();  // "current/"
}

[[noreturn]] void fail(const fs::path& path, const char* doing, const std::error_code& error) {
  throw Error(ExitCode::failed, "{}: cannot {}: {}", path.string(), doing, error.message());
}

bool is_link(const fs::path& path) {
  std::error_code failed;
  return fs::is_symlink(path, failed);
}

/// What a folder holds; nothing where it cannot be read.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code failed;
  for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
    entries.push_back(it->path());
  }
  return entries;
}

bool has_prefix(const fs::path& path, const std::string& prefix) {
  return path.filename().string().starts_with(prefix);
}

void sync_folder(const fs::path& folder) {
  Directory(folder.string(), false).sync();
}

/// An output that the link led to when it was complete.
struct Candidate {
  fs::path path;
  fs::file_time_type completed;
  Manifest manifest;
};

std::optional<Candidate> candidate_at(const fs::path& path, const std::string& lineage) {
  std::error_code failed;
  if (is_link(path) || !fs::is_directory(path, failed)) return std::nullopt;
  const auto completed = fs::last_write_time(path / kManifestName, failed);
  if (failed) return std::nullopt;
  try {
    Manifest manifest = load_manifest(Directory(path.string(), false));
    if (manifest.identity.link != lineage) return std::nullopt;
    return Candidate{path, completed, std::move(manifest)};
  } catch (const Error&) {  // somebody else's, or damaged
    return std::nullopt;
  }
}

/// Files and folders of an output, relative to it. Empty strings never.
std::set<std::string> own_names(const Manifest& manifest) {
  std::set<std::string> names{std::string(kManifestName), std::string(kJournalName),
                              std::string(kDataFolder)};
  const auto add = [&names](const std::string& name) {
    names.insert(name);
    if (const std::size_t slash = name.find('/'); slash != std::string::npos) {
      names.insert(name.substr(0, slash));
    }
  };
  for (const ShardEntry& shard : manifest.shards) add(shard.name);
  for (const FileEntry& file : manifest.files) add(file.name);
  return names;
}

/// An entry that the output's manifest does not know; empty where there is none.
std::string stranger_in(const Candidate& output) {
  const std::set<std::string> names = own_names(output.manifest);
  std::error_code failed;
  for (fs::recursive_directory_iterator it(output.path, failed), end; !failed && it != end;
       it.increment(failed)) {
    const std::string name = it->path().lexically_relative(output.path).string();
    const bool scratch = it->path().filename().string().starts_with(".embedtool-");
    const bool known = names.contains(name) || scratch;
    if (!known || it->is_symlink(failed)) return name;
  }
  return failed ? failed.message() : "";
}

/// A symbolic link in one of the folders that leads to the output or into it.
std::string link_to(const fs::path& output, const std::vector<fs::path>& folders) {
  std::error_code failed;
  const fs::path real = fs::canonical(output, failed);
  for (const fs::path& folder : folders) {
    for (const fs::path& entry : entries_of(folder)) {
      if (!is_link(entry)) continue;
      const fs::path target = fs::weakly_canonical(entry, failed);
      if (failed) continue;
      const auto [end, rest] =
          std::mismatch(real.begin(), real.end(), target.begin(), target.end());
      if (end == real.end()) return entry.string();
    }
  }
  return {};
}

/// Takes the output's lock, then its name, then its files: from the second step on it is no output
/// for anybody. Returns why it stays, or nothing.
std::string remove_output(const Candidate& output) {
  const std::string stranger = stranger_in(output);
  if (!stranger.empty()) return "it holds something else: " + stranger;
  const fs::path removed = output.path.parent_path() / (kRemoved + output.path.filename().string());
  try {
    // Holds the lock; as nothing is claimed, nothing is changed.
    const RunDirectory held(output.path.string(), ExistingOutput::overwrite);
    std::error_code failed;
    fs::rename(output.path, removed, failed);
    if (failed) return failed.message();
  } catch (const Error& error) {
    if (error.code() != ExitCode::output_busy) throw;
    return "a run holds it";
  }
  sync_folder(removed.parent_path());
  std::error_code failed;
  fs::remove_all(removed, failed);
  if (failed) fail(removed, "remove", failed);
  return {};
}

/// Rows of a complete output; none where there is no such output.
std::optional<std::uint64_t> rows_of(const std::string& path) {
  try {
    return load_manifest(Directory(path, false)).rows;
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// An export that failed must not empty a live index.
void refuse_to_empty(const std::string& link, const std::string& output) {
  if (rows_of(output) != 0U) return;
  const std::uint64_t before = rows_of(link).value_or(0);
  if (before == 0) return;
  throw Error(
      ExitCode::bad_record,
      "{} has no rows, so {} still leads to an output with {}; if the corpus is meant to be "
      "empty: ln -sfn {} {}",
      output, link, human_count(before, "row"), absolute(output).string(), link);
}

}  // namespace

std::string absolute_link(const std::string& link) {
  return absolute(link).string();
}

void check_link(const std::string& link, const std::string& output) {
  const fs::path path = absolute(link);
  std::error_code failed;
  const auto status = fs::symlink_status(path, failed);
  if (fs::exists(status) && !fs::is_symlink(status)) {
    throw Error(ExitCode::usage,
                "--link {}: something else has this name; name a symbolic link, or what is no file "
                "yet",
                link);
  }
  if (path == absolute(output)) {
    throw Error(ExitCode::usage, "--link {}: is the output itself; write to another directory",
                link);
  }
  if (!fs::is_directory(path.parent_path(), failed)) {
    throw Error(ExitCode::usage, "--link {}: its folder does not exist; create it with mkdir -p",
                link);
  }
  if (::access(path.parent_path().c_str(), W_OK | X_OK) != 0) {
    throw Error(ExitCode::usage, "--link {}: no link can be made in its folder: {}", link,
                std::strerror(errno));
  }
}

void swap_link(const std::string& link, const std::string& output) {
  refuse_to_empty(link, output);
  const fs::path path = absolute(link);
  const fs::path folder = path.parent_path();
  std::error_code failed;
  // Relative, so that the whole tree may be moved or mounted elsewhere.
  fs::path target =
      fs::relative(fs::canonical(output, failed), fs::canonical(folder, failed), failed);
  if (failed || target.empty()) target = absolute(output);
  if (is_link(path) && fs::read_symlink(path, failed) == target) return;
  for (const fs::path& entry : entries_of(folder)) {
    if (has_prefix(entry, kTempLink) && is_link(entry)) fs::remove(entry, failed);
  }
  const fs::path temp = folder / (kTempLink + std::to_string(std::random_device{}()));
  fs::create_directory_symlink(target, temp, failed);
  if (failed) fail(temp, "create", failed);
  fs::rename(temp, path, failed);
  if (failed) {
    const std::error_code cause = failed;
    fs::remove(temp, failed);
    fail(path, "replace", cause);
  }
  sync_folder(folder);
}

std::vector<OlderOutput> remove_older(const std::string& output, const std::string& link,
                                      std::size_t keep) {
  const fs::path own = absolute(output);
  const std::string lineage = absolute_link(link);
  const std::vector<fs::path> folders{own.parent_path(), fs::path(lineage).parent_path()};
  std::vector<Candidate> older;
  std::error_code failed;
  for (const fs::path& entry : entries_of(own.parent_path())) {
    if (has_prefix(entry, kRemoved) && !is_link(entry)) fs::remove_all(entry, failed);
    if (entry == own) continue;
    if (auto candidate = candidate_at(entry, lineage)) older.push_back(std::move(*candidate));
  }
  std::sort(older.begin(), older.end(), [](const Candidate& a, const Candidate& b) {
    return a.completed != b.completed ? a.completed > b.completed : a.path > b.path;
  });
  std::vector<OlderOutput> out;
  for (std::size_t i = keep - 1; i < older.size(); ++i) {
    const fs::path& path = older[i].path;
    const std::string pointer = link_to(path, folders);
    out.push_back({path.string(),
                   pointer.empty() ? remove_output(older[i]) : "a link leads to it: " + pointer});
  }
  return out;
}

}  // namespace embedtool
