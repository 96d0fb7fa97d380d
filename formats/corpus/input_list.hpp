#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/corpus/corpus_options.hpp"
#include "formats/io/packed_names.hpp"

namespace embedtool {

/// One argument that names inputs: a file or pipe, or a folder or list of many files.
struct InputGroup {
  std::string name;  ///< as typed, valid UTF-8 (other bytes as \xNN); "-" is stdin
  bool many = false;
  std::uint64_t files = 0;                  ///< how many it came to
  std::optional<std::uint64_t> bytes;       ///< of all of them, as stored; none: a pipe
  std::optional<std::int64_t> modified_ns;  ///< the latest; none: a pipe
  std::string listing;                      ///< of many: hash of names, sizes and times
};

/// The files of a corpus, in order. Immutable, hence shareable.
class InputList {
 public:
  /// Finds all files, none of which is opened; see CorpusOptions::inputs. Throws Error(usage) for
  /// inputs that do not fit each other and folders without files, Error(failed) naming what is
  /// missing or cannot be read.
  explicit InputList(const CorpusOptions& options);

  std::size_t size() const { return paths_.size(); }
  /// As it is opened; "-" is stdin.
  std::string path(std::size_t file) const { return paths_.at(file); }
  /// For messages: valid UTF-8.
  std::string name(std::size_t file) const;
  const std::vector<InputGroup>& groups() const { return groups_; }
  /// The bytes of all files; 0 if a pipe is among them.
  std::uint64_t total_bytes() const;

  /// The first of a group's files.
  std::size_t first_file(std::size_t group) const { return firsts_[group]; }
  /// What a group's files hold now, as CorpusSource::digests() tells it; reads them all. Throws
  /// Error(failed) on a read error, and when `stop` turns true.
  std::string read_hash(std::size_t group, const std::atomic<bool>& stop) const;
  /// Whether a file of the group has changed its size or time since the list was made.
  bool has_changed(std::size_t group) const;

 private:
  class Builder;

  PackedNames paths_;
  std::vector<InputGroup> groups_;
  std::vector<std::size_t> firsts_;
};

}  // namespace embedtool
