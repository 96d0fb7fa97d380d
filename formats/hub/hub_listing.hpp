#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/hub/file_choice.hpp"

namespace embedtool {

/// The commit that a hub's answer about a revision names (`sha`). Throws Error(failed) naming
/// `where` for anything else.
std::string parse_revision(std::string_view json, const std::string& where);

/// Adds a page of a repository's listing to `files`. An entry that could not be stored as it is
/// named is an Error(failed): a path that is absolute, leads upwards or is too long; a size or a
/// hash that is none; more than 100 000 files.
void parse_listing(std::string_view json, const std::string& where, std::vector<HubFile>& files);

/// Throws Error(failed) where two files of a whole listing cannot both be there: of one path, or
/// one in the place of the other's folder.
void check_listing(std::vector<HubFile>& files, const std::string& where);

}  // namespace embedtool
