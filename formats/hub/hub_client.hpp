#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/hub/file_choice.hpp"
#include "formats/hub/http.hpp"
#include "formats/hub/hub_name.hpp"
#include "formats/hub/hub_settings.hpp"

namespace embedtool {

/// What a pull says while it works, and when it ends early. All may be empty.
struct PullHooks {
  std::function<void(const std::string&)> note;    ///< for people: waits, repetitions
  std::function<void(const std::string&)> detail;  ///< what matters only if something goes wrong
  /// Bytes of all files that are here so far, and of all that will be.
  std::function<void(const std::string& file, std::uint64_t done, std::uint64_t all)> progress;
  const std::atomic<bool>* stop = nullptr;
};

/// Where downloaded bytes go.
class DownloadSink {
 public:
  virtual ~DownloadSink() = default;
  virtual std::uint64_t size() const = 0;
  virtual void append(std::string_view bytes) = 0;
  virtual void restart() = 0;  ///< drops all bytes
};

/// Speaks a hub's protocol: follows redirects, of which none ever gets the token but those on the
/// hub's own host; repeats what failed on the way, five times without progress at most; waits where
/// the hub asks for it. Errors name the model, the cause and the remedy. Not thread-safe.
class HubClient {
 public:
  /// All must outlive the client. `longest_wait`: seconds in total that the hub may ask to wait.
  HubClient(HttpClient& http, const HubSettings& settings, std::string token, HubName name,
            double longest_wait, const PullHooks& hooks);

  /// The commit that the name's revision is now. One request.
  std::string resolve_revision();
  /// All files of a commit. One request for every page, most repositories have one.
  std::vector<HubFile> list_files(const std::string& commit);
  /// Gets a file from where `sink` ends to its end; the bytes are not checked. Throws
  /// Error(failed) if the hub sends another number of bytes.
  void download(const std::string& commit, const HubFile& file, DownloadSink& sink);

  /// Sleeps, unless the run is to stop: throws Error(failed) then.
  void wait(double seconds) const;
  void check_stop() const;

 private:
  class TextReceiver;
  class FileReceiver;
  /// What an attempt came to.
  struct Outcome {
    HttpResponse response;
    Url url;  ///< where it came from, after redirects
  };
  /// Attempts of one request.
  struct Attempts {
    int failed = 0;         ///< in a row, without progress
    bool progress = false;  ///< the last one brought something
  };

  Outcome follow_redirects(const Url& start, std::uint64_t offset, HttpReceiver& receiver);
  std::string get_text(const Url& url, std::string& link);
  /// Waits before the next attempt, or throws what has to be said in the end.
  void prepare_retry(const Outcome& outcome, const std::string& problem, Attempts& attempts);
  void wait_for_limit(const HttpResponse& response, const std::string& host);
  [[noreturn]] void throw_refused(const Outcome& outcome, const std::string& what) const;
  Url endpoint_url(const std::string& rest) const;
  bool may_have_token(const Url& url) const;
  std::string token_state() const;

  HttpClient& http_;
  std::string token_;
  HubName name_;
  Url endpoint_;
  double longest_wait_;
  double waited_ = 0;
  const PullHooks& hooks_;
};

}  // namespace embedtool
