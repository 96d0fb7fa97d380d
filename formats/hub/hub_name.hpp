#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace embedtool {

/// A model on a hub, at a revision: what ORG/NAME[@REV] says.
struct HubName {
  std::string repo;               ///< "ORG/NAME"; old models have no ORG
  std::string revision = "main";  ///< a branch, a tag or a commit

  bool operator==(const HubName&) const = default;
};

/// Parses NAME, ORG/NAME or either with @REV. Names follow the hub's rules, revisions those of git,
/// so both are safe as parts of a path and, once escaped, of a URL. Throws Error(usage) that says
/// what is wrong.
HubName parse_hub_name(std::string_view text);

/// The same, or nothing if it is no such name.
std::optional<HubName> find_hub_name(std::string_view text);

/// "ORG/NAME@REV", without @main: what people type.
std::string to_string(const HubName& name);

/// True for 40 lower-case hexadecimal digits.
bool is_commit(std::string_view revision);

/// The folder that a cache keeps a repository in, "models--ORG--NAME", and the way back.
std::string cache_folder_of(std::string_view repo);
std::optional<std::string> repo_of_cache_folder(std::string_view folder);

}  // namespace embedtool
