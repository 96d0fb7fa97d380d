#include "formats/hub/pull.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/human.hpp"
#include "formats/hub/content_check.hpp"
#include "formats/hub/file_lock.hpp"
#include "formats/hub/hub_cache.hpp"
#include "formats/hub/partial_file.hpp"
#include "formats/hub/pull_target.hpp"

namespace embedtool {
namespace {

namespace fs = std::filesystem;

class Pull {
 public:
  Pull(const PullOptions& options, const MakeHttpClient& make_http, const PullHooks& hooks)
      : options_(options),
        make_http_(make_http),
        hooks_(hooks),
        target_(options.folder.empty()
                    ? PullTarget::cache(options.settings.cache, options.name.repo)
                    : PullTarget::folder(options.folder)) {}

  PullResult run() {
    if (has_all_without_asking()) return std::move(result_);
    connect();
    const std::string& revision = options_.name.revision;
    result_.commit = is_commit(revision) ? revision : client_->resolve_revision();
    if (!is_commit(revision) && is_whole_here()) {
      if (!options_.dry_run) target_.write_ref(revision, result_.commit);
      return std::move(result_);
    }
    choose();
    if (options_.dry_run) return std::move(result_);
    check_space();
    for (const HubFile& file : result_.choice.taken) fetch(file);
    target_.finish(result_.commit, result_.choice.taken);
    if (!has_wishes()) target_.write_list(result_.commit, result_.choice.taken);
    if (!is_commit(revision)) target_.write_ref(revision, result_.commit);
    result_.folder = target_.model_folder(result_.commit);
    return std::move(result_);
  }

 private:
  bool has_wishes() const {
    return !options_.wishes.include.empty() || !options_.wishes.exclude.empty();
  }

  // A commit never changes, and without a network what is here has to do.
  bool has_all_without_asking() {
    const HubName& name = options_.name;
    if (is_commit(name.revision)) {
      result_.commit = name.revision;
      if (is_whole_here()) return true;
    }
    if (!options_.settings.offline) return false;
    if (options_.folder.empty() && !has_wishes() && is_usable_here()) return true;
    throw Error(ExitCode::model,
                "{}: {}, and HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids connections to the hub",
                to_string(name),
                options_.folder.empty() ? "is not whole in the cache"
                                        : "what --dir needs is known to the hub alone");
  }

  // Whether an earlier pull has completed the commit and all of it is still there.
  bool is_whole_here() {
    if (has_wishes() || !target_.is_complete(result_.commit)) return false;
    return is_good(target_.model_folder(result_.commit));
  }

  // Without a network: whether what is there can be used as far as that can be seen.
  bool is_usable_here() {
    const CachedSnapshot snapshot = look_up(options_.name, options_.settings.cache);
    if (snapshot.folder.empty() || !snapshot.missing.empty()) return false;
    result_.commit = snapshot.commit;
    return is_good(snapshot.folder);
  }

  bool is_good(const std::string& folder) {
    if (options_.verify && !blobs_are_right(folder)) return false;
    result_.was_whole = true;
    result_.folder = folder;
    return true;
  }

  // A blob is named by its content. One that is wrong is removed, to be fetched again.
  bool blobs_are_right(const std::string& folder) const {
    bool right = true;
    std::error_code failed;
    for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end;
         at.increment(failed)) {
      if (!at->is_symlink()) continue;
      const fs::path blob = fs::canonical(at->path(), failed);
      const std::string name = blob.filename().string();
      if (failed || !is_content_name(name)) continue;
      const UniqueFd fd(::open(blob.c_str(), O_RDONLY | O_CLOEXEC));
      const std::uint64_t bytes = fd ? fs::file_size(blob) : 0;
      if (fd && content_name(fd.get(), bytes, name, blob.string()) == name) continue;
      note(fmt::format("{}: its bytes are not those that its name promises; it is replaced",
                       blob.string()));
      fs::remove(blob, failed);
      right = false;
    }
    return right;
  }

  void note(const std::string& text) const {
    if (hooks_.note) hooks_.note(text);
  }

  void connect() {
    http_ = make_http_();
    client_ = std::make_unique<HubClient>(*http_, options_.settings, options_.token, options_.name,
                                          options_.longest_wait, hooks_);
  }

  void choose() {
    result_.choice = choose_files(client_->list_files(result_.commit), options_.wishes);
    const FileChoice& choice = result_.choice;
    if (!choice.has_weights) throw_no_weights();
    for (const HubFile& file : choice.taken) {
      result_.bytes += file.bytes;
      if (is_here(file)) {
        here_.insert(file.path);
      } else {
        result_.to_fetch +=
            file.bytes - std::min(file.bytes, partial_bytes(target_.partials(), file.hash));
      }
    }
    done_ = result_.bytes - result_.to_fetch;
    result_.folder = target_.model_folder(result_.commit);
  }

  [[noreturn]] void throw_no_weights() const {
    const std::string asked = to_string(options_.name);
    const FileChoice& choice = result_.choice;
    if (!choice.ggufs.empty()) {
      std::string names;
      for (const std::string& gguf : choice.ggufs) names += (names.empty() ? "" : ", ") + gguf;
      throw Error(ExitCode::model, "{}: has several GGUF files; name one with --include: {}", asked,
                  names);
    }
    std::string others;
    constexpr std::size_t kShown = 6;
    for (std::size_t i = 0; i < std::min(kShown, choice.left.size()); ++i) {
      others += (i == 0 ? "" : ", ") + choice.left[i].what;
    }
    throw Error(
        ExitCode::model,
        "{}: holds no weights that embedtool reads (model.safetensors, pytorch_model.bin or "
        "a GGUF file); it holds {}",
        asked, others.empty() ? "nothing else" : others);
  }

  // By its size, and with --verify, or where its name does not tell, by its content.
  bool is_here(const HubFile& file) const {
    const std::string path = target_.path_of(file);
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
        static_cast<std::uint64_t>(info.st_size) != file.bytes) {
      return false;
    }
    if (!options_.verify && target_.names_content()) return true;
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return fd && content_name(fd.get(), file.bytes, file.hash, path) == file.hash;
  }

  void check_space() const {
    target_.prepare();
    struct statvfs info {};
    if (::statvfs(target_.partials().c_str(), &info) != 0) return;
    const std::uint64_t free = std::uint64_t{info.f_bavail} * info.f_frsize;
    if (free >= result_.to_fetch) return;
    throw Error(
        ExitCode::failed,
        "{}: {} have to be fetched, but only {} are free on the disk of {}; make room, or {}",
        to_string(options_.name), human_bytes(result_.to_fetch), human_bytes(free), target_.root(),
        options_.folder.empty() ? "set HF_HUB_CACHE to another disk" : "use another --dir");
  }

  // Waits for a process that downloads the same file, as long as bytes arrive there.
  bool wait_for_other(const HubFile& file, bool& said) const {
    constexpr std::int64_t kPatience = 60;
    constexpr double kPause = 0.1;
    if (!said) note(fmt::format("{}: another process downloads it; waiting", file.path));
    if (!said) waiting_since_ = std::time(nullptr);
    said = true;
    const std::int64_t newest =
        std::max(waiting_since_, last_progress(target_.partials(), file.hash));
    if (std::time(nullptr) - newest > kPatience) {
      note(fmt::format("{}: nothing arrives there; going on without its lock", file.path));
      return false;
    }
    client_->wait(kPause);
    return true;
  }

  void fetch(const HubFile& file) {
    if (here_.count(file.path)) return;
    bool said = false;
    const FileLock lock(target_.lock_of(file), [&] { return wait_for_other(file, said); });
    if (is_here(file)) return;  // by another process in the meantime
    PartialFile partial(target_.partials(), file.hash);
    Counted sink(*this, file, partial);
    const bool resumed = partial.size() > 0;
    client_->download(result_.commit, file, sink);
    if (!partial.is_right() && resumed) {
      note(fmt::format("{}: what an earlier run left of it is damaged; fetching all of it",
                       file.path));
      partial.restart();
      client_->download(result_.commit, file, sink);
    }
    if (!partial.is_right()) {
      partial.restart();
      throw Error(ExitCode::failed,
                  "{}: {} has arrived with other bytes than the hub's {} {} says; nothing of it is "
                  "kept",
                  to_string(options_.name), file.path,
                  file.hash.size() == kSha1 ? "git hash" : "SHA-256", file.hash);
    }
    partial.publish(target_.path_for(file));
  }

  /// Counts the bytes on their way into a file.
  class Counted : public DownloadSink {
   public:
    Counted(Pull& pull, const HubFile& file, PartialFile& partial)
        : pull_(pull), file_(file), partial_(partial) {}
    std::uint64_t size() const override { return partial_.size(); }
    void append(std::string_view bytes) override {
      partial_.append(bytes);
      pull_.result_.fetched += bytes.size();
      pull_.done_ += bytes.size();
      if (pull_.hooks_.progress) {
        pull_.hooks_.progress(file_.path, std::min(pull_.done_, pull_.result_.bytes),
                              pull_.result_.bytes);
      }
    }
    void restart() override {
      pull_.done_ -= std::min(pull_.done_, partial_.size());
      partial_.restart();
    }

   private:
    Pull& pull_;
    const HubFile& file_;
    PartialFile& partial_;
  };

  static constexpr std::size_t kSha1 = 40;

  const PullOptions& options_;
  const MakeHttpClient& make_http_;
  const PullHooks& hooks_;
  PullTarget target_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<HubClient> client_;
  PullResult result_;
  std::set<std::string> here_;  ///< paths of files that need not be fetched
  std::uint64_t done_ = 0;
  mutable std::int64_t waiting_since_ = 0;
};

}  // namespace

PullResult pull_model(const PullOptions& options, const MakeHttpClient& make_http,
                      const PullHooks& hooks) {
  if (options.folder.empty() && options.settings.cache.empty()) {
    throw Error(ExitCode::failed,
                "where the hub's cache is cannot be told without HOME; set HF_HUB_CACHE");
  }
  return Pull(options, make_http, hooks).run();
}

}  // namespace embedtool
