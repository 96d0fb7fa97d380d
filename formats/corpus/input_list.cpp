#include "formats/corpus/input_list.hpp"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/hash.hpp"
#include "formats/corpus/input_digest.hpp"
#include "formats/io/bytes.hpp"
#include "formats/io/bytes_utf8.hpp"
#include "formats/io/bytes_window.hpp"
#include "formats/io/folder_walk.hpp"

namespace embedtool {
namespace {

/// PATH_MAX, whatever the system.
constexpr std::size_t kLongestName = 4096;

bool is_folder(const std::string& path) {
  struct stat info {};
  return path != "-" && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

/// Sums up the names, sizes and times of files.
class Listing {
 public:
  InputFacts add(const std::string& path) {
    InputFacts facts = inspect_input(path);
    hasher_.update(fmt::format("{}:{}:{}:", path.size(), facts.size, facts.modified_ns));
    hasher_.update(path);
    return facts;
  }
  std::string hex() const { return hasher_.digest().hex(); }

 private:
  Hasher128 hasher_;
};

}  // namespace

class InputList::Builder {
 public:
  Builder(InputList& list, const CorpusOptions& options) : list_(list), options_(options) {}

  void build() {
    for (const std::string& input : options_.inputs) add_argument(input);
    if (!options_.files_from.empty()) add_list();
    if (list_.size() == 0) throw Error(ExitCode::usage, "no input given");
    if (stdin_uses_ > 1) {
      throw Error(ExitCode::usage, "standard input (-) can be read only once, but is given twice");
    }
    if (!options_.globs.empty() && folders_ == 0) {
      throw Error(ExitCode::usage, "--glob chooses files in folders, but no input is a folder");
    }
  }

 private:
  void begin(const std::string& name, bool many) {
    InputGroup& group = list_.groups_.emplace_back();
    group.name = readable_name(name);
    group.many = many;
    if (many) {
      group.bytes = 0;
      group.modified_ns = 0;
    }
    list_.firsts_.push_back(list_.size());
    listing_ = Listing();
  }

  void end() {
    InputGroup& group = list_.groups_.back();
    if (group.many) group.listing = listing_.hex();
  }

  void add_file(const std::string& path) {
    stdin_uses_ += path == "-" ? 1U : 0U;
    const InputFacts facts = listing_.add(path);
    InputGroup& group = list_.groups_.back();
    ++group.files;
    list_.paths_.add(path);
    if (!facts.regular) {
      group.bytes.reset();
      group.modified_ns.reset();
    } else if (!group.many) {
      group.bytes = facts.size;
      group.modified_ns = facts.modified_ns;
    } else if (group.bytes) {
      *group.bytes += facts.size;
      group.modified_ns = std::max(*group.modified_ns, facts.modified_ns);
    }
  }

  void add_argument(const std::string& input) {
    const bool folder = is_folder(input);
    begin(input, folder);
    if (folder) {
      add_folder(input);
    } else {
      add_file(input);
    }
    end();
  }

  void add_folder(const std::string& folder) {
    ++folders_;
    const std::size_t before = list_.size();
    const WalkOptions walk{options_.globs, options_.except_folder};
    const WalkSkips skips =
        walk_folder(folder, walk, [this](const std::string& path) { add_file(path); });
    if (list_.size() == before) {
      throw Error(ExitCode::usage, "{}: the folder holds no file{}", readable_name(folder),
                  options_.globs.empty() ? "" : " that --glob matches");
    }
    const std::uint64_t odd = skips.folder_links + skips.special;
    if (odd == 0 || !options_.warn) return;
    options_.warn(fmt::format("{}: {} links to folders, pipes and devices in it are passed over",
                              readable_name(folder), odd));
  }

  /// The names in --files-from: one a line, or one up to each NUL. They may name folders.
  void add_list() {
    const std::string& name = options_.files_from;
    begin("files-from:" + name, true);
    stdin_uses_ += name == "-" ? 1U : 0U;
    ByteCounters counters;
    ByteStream stream(name, counters, options_.stop);
    ByteWindow window(stream, std::size_t{64} << 10U, kLongestName + 1);
    const char end_of_name = options_.nul_names ? '\0' : '\n';
    std::uint64_t number = 0;
    while (true) {
      const std::string_view view = window.view();
      const std::size_t end = view.find(end_of_name);
      if (end != std::string_view::npos || (window.ended() && !view.empty())) {
        add_listed(std::string(view.substr(0, end)), ++number);
        window.consume(end == std::string_view::npos ? view.size() : end + 1);
        continue;
      }
      if (window.ended()) break;
      if (window.fill(Wait::yes) == ByteWindow::Fill::full) {
        throw Error(
            ExitCode::failed, "{}: name {} is longer than {} bytes{}", readable_name(name),
            number + 1, kLongestName,
            options_.nul_names ? "; are the names separated by line ends? Leave out -0" : "");
      }
    }
    if (list_.size() == list_.firsts_.back()) {
      throw Error(ExitCode::usage, "{}: the list names no file", readable_name(name));
    }
    end();
  }

  void add_listed(std::string path, std::uint64_t number) {
    if (!options_.nul_names && path.find('\0') != std::string::npos) {
      throw Error(ExitCode::usage, "{}: name {} holds a NUL; if NUL separates the names, add -0",
                  readable_name(options_.files_from), number);
    }
    if (!options_.nul_names && path.ends_with('\r')) path.pop_back();
    if (path.empty()) return;
    if (path == "-") {
      throw Error(ExitCode::usage, "{}: name {}: a list cannot name standard input",
                  readable_name(options_.files_from), number);
    }
    if (is_folder(path)) {
      add_folder(path);
    } else {
      add_file(path);
    }
  }

  InputList& list_;
  const CorpusOptions& options_;
  Listing listing_;
  std::size_t stdin_uses_ = 0;
  std::size_t folders_ = 0;
};

InputList::InputList(const CorpusOptions& options) {
  Builder(*this, options).build();
}

std::string InputList::name(std::size_t file) const {
  const std::string path = paths_.at(file);
  return path == "-" ? "<stdin>" : readable_name(path);
}

std::uint64_t InputList::total_bytes() const {
  std::uint64_t total = 0;
  for (const InputGroup& group : groups_) {
    if (!group.bytes) return 0;
    total += *group.bytes;
  }
  return total;
}

std::string InputList::read_hash(std::size_t group, const std::atomic<bool>& stop) const {
  GroupDigest digest;
  for (std::size_t i = firsts_[group]; i < firsts_[group] + groups_[group].files; ++i) {
    digest.add(path(i), digest_input(path(i), stop));
  }
  return digest.sum(groups_[group].many).hash.hex();
}

bool InputList::has_changed(std::size_t group) const {
  const InputGroup& then = groups_[group];
  if (!then.modified_ns) return false;
  if (!then.many) {
    return inspect_input(path(firsts_[group])).modified_ns != *then.modified_ns;
  }
  Listing now;
  for (std::size_t i = firsts_[group]; i < firsts_[group] + then.files; ++i) now.add(path(i));
  return now.hex() != then.listing;
}

}  // namespace embedtool
