#include "formats/hub/hub_name.hpp"

#include <algorithm>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kMaxRepo = 96;  // the hub's own limit
constexpr std::size_t kMaxRevision = 255;
constexpr std::string_view kFolderPrefix = "models--";
constexpr std::string_view kMainBranch = "main";

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// ORG or NAME: letters, digits, '-', '_' and '.'; the ends are none of '-' and '.'.
bool is_part(std::string_view part) {
  const auto is_allowed = [](char c) {
    return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
  };
  const auto may_be_end = [](char c) { return is_alphanumeric(c) || c == '_'; };
  return !part.empty() && std::all_of(part.begin(), part.end(), is_allowed) &&
         may_be_end(part.front()) && may_be_end(part.back());
}

// What is wrong with ORG/NAME; "" = nothing.
std::string_view problem_of_repo(std::string_view repo) {
  if (repo.empty()) return "the name is missing";
  if (repo.size() > kMaxRepo) return "the name is longer than 96 characters";
  const std::size_t slash = repo.find('/');
  const bool in_org = slash != std::string_view::npos;
  const std::string_view name = in_org ? repo.substr(slash + 1) : repo;
  if (!is_part(name) || (in_org && !is_part(repo.substr(0, slash)))) {
    return "a model's name is ORG/NAME, of letters, digits, '-', '_' and '.'";
  }
  if (contains(repo, "--") || contains(repo, "..")) return "a name never contains '--' or '..'";
  if (repo.ends_with(".git")) return "a name never ends in '.git'";
  return {};
}

// The rules of git-check-ref-format(1), and no '%', so that escaping it is plain.
std::string_view problem_of_revision(std::string_view revision) {
  if (revision.empty()) return "the revision after '@' is missing";
  if (revision.size() > kMaxRevision) return "the revision is longer than 255 characters";
  const auto is_forbidden = [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || contains("~^:?*[\\%\"'", {&c, 1});
  };
  if (std::any_of(revision.begin(), revision.end(), is_forbidden)) {
    return "the revision contains a character that git does not allow";
  }
  if (contains(revision, "..") || contains(revision, "//") || contains(revision, "/.") ||
      contains(revision, "@{") || contains(revision, ".lock/") || revision.front() == '/' ||
      revision.front() == '-' || revision.front() == '.' || revision.back() == '/' ||
      revision.back() == '.' || revision.ends_with(".lock")) {
    return "git does not allow such a revision";
  }
  return {};
}

// Parses; returns what is wrong, "" = nothing.
std::string_view parse(std::string_view text, HubName& name) {
  const std::size_t at = text.find('@');
  const std::string_view repo = text.substr(0, at);
  if (const auto problem = problem_of_repo(repo); !problem.empty()) return problem;
  name.repo = repo;
  if (at == std::string_view::npos) return {};
  const std::string_view revision = text.substr(at + 1);
  if (const auto problem = problem_of_revision(revision); !problem.empty()) return problem;
  name.revision = revision;
  return {};
}

}  // namespace

HubName parse_hub_name(std::string_view text) {
  HubName name;
  if (const std::string_view problem = parse(text, name); !problem.empty()) {
    throw Error(ExitCode::usage, "'{}': {}", text, problem);
  }
  return name;
}

std::optional<HubName> find_hub_name(std::string_view text) {
  HubName name;
  if (!parse(text, name).empty()) return std::nullopt;
  return name;
}

std::string to_string(const HubName& name) {
  return name.revision == kMainBranch ? name.repo : name.repo + "@" + name.revision;
}

bool is_commit(std::string_view revision) {
  constexpr std::size_t kDigits = 40;
  return revision.size() == kDigits && std::all_of(revision.begin(), revision.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string cache_folder_of(std::string_view repo) {
  std::string folder(kFolderPrefix);
  for (const char c : repo) {
    if (c == '/') {
      folder += "--";
    } else {
      folder += c;
    }
  }
  return folder;
}

std::optional<std::string> repo_of_cache_folder(std::string_view folder) {
  if (!folder.starts_with(kFolderPrefix)) return std::nullopt;
  std::string repo(folder.substr(kFolderPrefix.size()));
  if (const std::size_t dashes = repo.find("--"); dashes != std::string::npos) {
    repo.replace(dashes, 2, "/");
  }
  if (!problem_of_repo(repo).empty()) return std::nullopt;
  return repo;
}

}  // namespace embedtool
