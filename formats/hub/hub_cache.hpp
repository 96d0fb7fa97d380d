#pragma once

// The cache that huggingface_hub keeps and documents: models--ORG--NAME/refs/REV holds a commit,
// snapshots/COMMIT/ links to blobs/HASH. Read here, without a network and without a lock.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/hub/hub_name.hpp"
#include "formats/hub/hub_settings.hpp"

namespace embedtool {

/// One commit of a model in a cache.
struct CachedSnapshot {
  std::string repo;     ///< "ORG/NAME"
  std::string commit;   ///< the name of its folder
  std::string folder;   ///< its path
  std::string missing;  ///< a file that it lacks, so that it cannot be used; "" = none is known
};

/// The same in a list.
struct ListedSnapshot : CachedSnapshot {
  std::vector<std::string> refs;  ///< branches and tags that lead to it, by name
  std::uint64_t bytes = 0;        ///< of its files, each counted once
};

/// True for the path of a folder models--ORG--NAME with snapshots.
bool is_cached_repo(const std::string& path);

/// Finds a model in the cache. Throws Error(model) when the cache has none of that name or revision
/// or only a part of it, with the command that fetches it.
CachedSnapshot find_in_cache(const HubName& name, const HubSettings& settings);
/// Finds what `main` is in the folder models--ORG--NAME at `path`, or its only snapshot.
CachedSnapshot find_in_repo(const std::string& path);

/// The snapshot of a name, usable or not; one with an empty `folder` where there is none.
CachedSnapshot look_up(const HubName& name, const std::string& cache);

/// All snapshots of models, by name and commit. A folder that cannot be read counts as empty.
std::vector<ListedSnapshot> list_cache(const HubSettings& settings);

}  // namespace embedtool
