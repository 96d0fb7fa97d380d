#include "formats/output/run_dir.hpp"

#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <span>
#include <unordered_set>
#include <utility>

#include "core/base/error.hpp"
#include "formats/output/row_journal.hpp"
#include "formats/output/unit_files.hpp"

namespace embedtool {
namespace {

constexpr const char* kLockName = ".embedtool-lock";

/// What file systems of clusters answer that have no flock(2): Lustre, NFS, GPFS.
bool knows_no_locks(int error) {
  constexpr int kNotSupported = 524;  // the kernel's ENOTSUPP, which leaks from NFS
  return error == ENOLCK || error == ENOSYS || error == EOPNOTSUPP || error == kNotSupported;
}

bool exists(const std::string& path) {
  std::error_code failed;
  return std::filesystem::exists(path, failed) || failed;
}

/// What the directory holds.
struct Contents {
  bool manifest = false;  ///< of ours
  bool journal = false;   ///< of ours
  std::string stranger;   ///< an entry that is not ours, where there is neither
};

/// `lenient`: without the lock, files may come and go under us; names of ours are no strangers.
Contents look_into(const Directory& directory, bool lenient) {
  Contents contents;
  const auto names = directory.list();
  const auto has = [&](std::string_view name) {
    return std::binary_search(names.begin(), names.end(), name);
  };
  if (has(kManifestName)) {
    const auto text = directory.read(kManifestName, kMaxManifestBytes);
    contents.manifest = text && looks_like_manifest(*text);
  }
  if (has(kJournalName)) {
    const auto text = directory.read(kJournalName, kMaxManifestBytes);
    contents.journal = text && parse_journal(*text).has_value();
  }
  if (contents.manifest || contents.journal) return contents;
  for (const std::string& name : names) {
    const bool ours = is_output_name(name) || name == kManifestName || name == kJournalName ||
                      name == kDataFolder;
    if (!is_scratch(name) && !(lenient && ours)) contents.stranger = name;
  }
  return contents;
}

}  // namespace

bool is_scratch(std::string_view name) {
  return name.starts_with(kTempPrefix) || name == kLockName || name == kRowsFolder;
}

RunDirectory::RunDirectory(const std::string& path, ExistingOutput existing, FileOps& ops)
    : made_(!exists(path)), existing_(existing), directory_(path, true, ops) {
  // Once before the lock, so that a stranger's directory does not even get a lock file.
  check_usable(false);
  take_lock();
  try {
    check_usable(true);
    const Contents contents = look_into(directory_, false);
    const bool refused = existing == ExistingOutput::refuse;
    if (contents.manifest && refused) {
      throw Error(ExitCode::usage,
                  "{}: already holds a complete output; add --overwrite to replace it, or choose "
                  "another directory",
                  path);
    }
    if (contents.journal && refused) {
      throw Error(ExitCode::usage,
                  "{}: holds an unfinished output; add --overwrite to start over, or choose "
                  "another directory",
                  path);
    }
    replaceable_ = contents.manifest && existing == ExistingOutput::overwrite;
    if (existing != ExistingOutput::resume) return;
    if (contents.manifest) {
      find_complete();
    } else if (contents.journal) {
      find_unfinished();
    }
  } catch (...) {
    directory_.ops().unlink_at(directory_.fd(), kLockName);
    throw;
  }
}

// The lock file goes while its lock is held; take_lock() knows that it can.
RunDirectory::~RunDirectory() {
  if (!lock_) return;
  directory_.ops().unlink_at(directory_.fd(), kLockName);
  if (made_ && !claimed_) directory_.ops().remove_dir_at(AT_FDCWD, directory_.path().c_str());
}

void RunDirectory::check(const RunIdentity& identity) const {
  // Without a shard there is nothing to lose: a mistake in the command is mended by the next one.
  if (!unfinished_ || unfinished_->shards.empty()) return;
  const std::string change =
      unfinished_->identity ? first_difference(*unfinished_->identity, identity, Comparison::resume)
                            : "another version of embedtool started it";
  if (change.empty()) return;
  throw Error(ExitCode::usage,
              "{}: holds an unfinished output of another run: {}; repeat that command to resume "
              "it, or add --overwrite to start over",
              directory_.path(), change);
}

void RunDirectory::claim(const RunIdentity& identity) {
  check(identity);
  if (replaceable_) {
    replaced_ = identity;
  } else if (unfinished_ && !unfinished_->shards.empty()) {
    resume();
  } else {
    start_anew(identity);
  }
  claimed_ = true;
}

// Throws for a directory of somebody else's.
void RunDirectory::check_usable(bool locked) const {
  if (!directory_.list(kUnitsFolder).empty()) {
    throw Error(ExitCode::usage, "{}; or choose another directory", unmerged(directory_));
  }
  const Contents contents = look_into(directory_, !locked);
  if (contents.stranger.empty()) return;
  throw Error(ExitCode::usage,
              "{}: is not empty and was not written by embedtool (it contains '{}', for example); "
              "choose an empty or new directory",
              directory_.path(), contents.stranger);
}

// The holder of the lock may remove the file just after we opened it: then we hold a lock on a
// file that has no name any more, and must try again.
void RunDirectory::take_lock() {
  FileOps& ops = directory_.ops();
  for (;;) {
    lock_.reset(
        ops.open_at(directory_.fd(), kLockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0666));
    if (!lock_) {
      if (errno == EINTR) continue;
      directory_.fail(kLockName, "create", errno);
    }
    while (ops.lock(lock_.get()) != 0) {
      if (errno == EINTR) continue;
      const int error = errno;
      if (knows_no_locks(error)) return;
      lock_.reset();
      if (error != EWOULDBLOCK) directory_.fail(kLockName, "lock", error);
      throw Error(ExitCode::output_busy,
                  "{}: another run is writing this output; wait for it to end or choose another "
                  "directory",
                  directory_.path());
    }
    struct stat held {};
    struct stat named {};
    if (ops.status(lock_.get(), &held) != 0) directory_.fail(kLockName, "examine", errno);
    const bool there = ops.status_at(directory_.fd(), kLockName, &named) == 0;
    if (there && held.st_dev == named.st_dev && held.st_ino == named.st_ino) {
      locked_ = true;
      return;
    }
  }
}

void RunDirectory::begin() {
  if (!replaced_) return;
  start_anew(*replaced_);
  replaced_.reset();
}

void RunDirectory::start_anew(const RunIdentity& identity) {
  directory_.publish(kJournalName, journal_header(identity));
  if (directory_.remove(kManifestName)) directory_.sync();
  clear_all_but({}, identity.to);
  journal_ = directory_.open_append(kJournalName);
}

void RunDirectory::find_unfinished() {
  const auto text = directory_.read(kJournalName, kMaxManifestBytes);
  unfinished_ = text ? parse_journal(*text) : std::nullopt;
  if (!unfinished_) throw Error(ExitCode::failed, "{}: cannot read the journal", directory_.path());
}

void RunDirectory::resume() {
  Journal journal = *std::exchange(unfinished_, std::nullopt);
  drop_lost_shards(journal);
  // Rewritten rather than cut short: a journal is at all times whole or, in its last line, torn.
  std::string lines = journal_header(*journal.identity);
  for (const ShardEntry& shard : journal.shards) lines += journal_line(shard);
  if (lines != directory_.read(kJournalName, kMaxManifestBytes)) {
    directory_.publish(kJournalName, lines);
  }
  shards_ = std::move(journal.shards);
  if (!shards_.empty()) rows_ = shards_.back().first_row + shards_.back().rows;
  clear_all_but(shards_, journal.identity->to);
  journal_ = directory_.open_append(kJournalName);
}

// A run that died after the manifest may have left its journal and temporary files behind.
void RunDirectory::find_complete() {
  const auto text = directory_.read(kManifestName, kMaxManifestBytes);
  complete_ = parse_manifest(text.value_or(""), directory_.path_of(kManifestName));
  bool removed = directory_.remove(kJournalName);
  for (const std::string& name : directory_.list()) {
    if (name.starts_with(kTempPrefix)) removed |= directory_.remove(name);
  }
  remove_row_journals(directory_);
  if (removed) directory_.sync();
}

// Keeps the shards up to the first that is not there as it was published.
void RunDirectory::drop_lost_shards(Journal& journal) const {
  for (std::size_t i = 0; i < journal.shards.size(); ++i) {
    const UniqueFd fd = directory_.open_regular(journal.shards[i].name);
    struct stat info {};
    const bool whole = fd && directory_.ops().status(fd.get(), &info) == 0 &&
                       static_cast<std::uint64_t>(info.st_size) == journal.shards[i].bytes;
    if (whole) continue;
    journal.shards.resize(i);
    return;
  }
}

// Leaves the shards, and the folder for those to come.
void RunDirectory::clear_all_but(const std::vector<ShardEntry>& shards, OutputFormat to) const {
  std::unordered_set<std::string_view> kept;
  for (const ShardEntry& shard : shards) kept.insert(shard.name);
  // Rejects that the shards vouch for; RejectLog cuts off what came after them.
  if (!shards.empty() && shards.back().rejects.bytes > 0) kept.insert(kRejectsName);
  if (replaced_) kept.insert(kStagedRejectsName);
  const auto clear = [&](std::string_view file, const std::string& name) {
    const bool ours = file.starts_with(kTempPrefix) || is_output_name(name);
    return ours && !kept.contains(name) && directory_.remove(name);
  };
  for (const std::string& name : directory_.list()) clear(name, name);
  bool cleared = false;
  for (const std::string& file : directory_.list(kDataFolder)) {
    cleared |= clear(file, fmt::format("{}/{}", kDataFolder, file));
  }
  if (cleared) directory_.sync_names(shard_name(0));
  if (to == OutputFormat::parquet) {
    directory_.make_folder(kDataFolder);
  } else {
    directory_.remove_empty_folder(kDataFolder);
  }
  directory_.sync();
}

void RunDirectory::commit_shard(const ShardEntry& shard) {
  if (shards_.size() >= kMaxOutputShards) {
    throw Error(ExitCode::failed,
                "{}: {} shards are too many for a manifest; write larger ones (--shard-rows)",
                directory_.path(), kMaxOutputShards);
  }
  FileOps& ops = directory_.ops();
  const std::string line = journal_line(shard);
  const int error = write_fully(ops, journal_.get(), std::as_bytes(std::span(line)));
  if (error != 0) directory_.fail(kJournalName, "write", error);
  while (ops.fsync(journal_.get()) != 0) {
    if (errno != EINTR) directory_.fail(kJournalName, "sync", errno);
  }
  shards_.push_back(shard);
  rows_ += shard.rows;
  if (told_) told_(shard);
}

void RunDirectory::commit_file(const FileEntry& file) {
  files_.push_back(file);
}

void RunDirectory::publish_file(const std::string& name, std::string_view contents) {
  DurableFile file(directory_, name);
  file.write(contents);
  const FileDigest digest = file.publish();
  commit_file({name, digest.bytes, digest.hash});
}

void RunDirectory::record_stray_files() {
  std::unordered_set<std::string_view> known;
  for (const ShardEntry& shard : shards_) known.insert(shard.name);
  for (const FileEntry& file : files_) known.insert(file.name);
  std::vector<FileEntry> strays;
  for (const std::string& name : directory_.list()) {
    if (!is_output_name(name) || known.contains(name)) continue;
    const UniqueFd fd = directory_.open_regular(name);
    if (fd && directory_.ops().fsync(fd.get()) != 0) directory_.fail(name, "sync", errno);
    const FileDigest digest = DirectoryFile(directory_, name).digest();
    strays.push_back({name, digest.bytes, digest.hash});
  }
  files_.insert(files_.end(), strays.begin(), strays.end());
}

void RunDirectory::finish(Manifest manifest) {
  record_stray_files();
  std::sort(files_.begin(), files_.end(),
            [](const FileEntry& a, const FileEntry& b) { return a.name < b.name; });
  manifest.shards = shards_;
  manifest.files = files_;
  manifest.rows = rows_;
  directory_.publish(kManifestName, to_json(manifest));
  // From here on the output is complete; a journal left behind is ignored by everybody.
  journal_.reset();
  directory_.remove(kJournalName);
  remove_row_journals(directory_);
  directory_.sync();
}

}  // namespace embedtool
