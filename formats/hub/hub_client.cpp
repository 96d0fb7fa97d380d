#include "formats/hub/hub_client.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/human.hpp"
#include "formats/hub/hub_listing.hpp"

namespace embedtool {
namespace {

constexpr int kMaxRedirects = 10;
constexpr int kMaxTries = 5;
constexpr int kMaxPages = 1000;
constexpr std::size_t kMaxText = std::size_t{16} << 20U;
constexpr std::uint64_t kProgress = 32768;  // an attempt that brings so much is no failure
constexpr double kFirstDelay = 0.5;
constexpr double kShortDelay = 0.05;

constexpr int kOk = 200;
constexpr int kPartial = 206;
constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr int kTimedOut = 408;
constexpr int kRangeRefused = 416;
constexpr int kTooMany = 429;
constexpr int kServerError = 500;

bool is_redirect(int status) {
  constexpr auto kAll = std::to_array<int>({301, 302, 303, 307, 308});
  return std::find(kAll.begin(), kAll.end(), status) != kAll.end();
}

bool is_limit(const HttpResponse& response) {
  constexpr int kUnavailable = 503;
  return response.status == kTooMany ||
         (response.status == kUnavailable && response.retry_after > 0);
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t n = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || stop == text.data()) return std::nullopt;
  return n;
}

// Seconds until the limit is reset: t in `"api";r=0;t=55`. 0 = not said.
double reset_seconds(std::string_view rate_limit) {
  const std::size_t at = rate_limit.find("t=");
  if (at == std::string_view::npos) return 0;
  return static_cast<double>(number_in(rate_limit.substr(at + 2)).value_or(0));
}

// Where the rest of a listing is: `<https://…>; rel="next"`.
std::string next_page(std::string_view link) {
  const std::size_t rel = link.find("rel=\"next\"");
  if (rel == std::string_view::npos) return "";
  const std::size_t begin = link.rfind('<', rel);
  const std::size_t end = link.find('>', begin);
  if (begin == std::string_view::npos || end == std::string_view::npos) return "";
  return std::string(link.substr(begin + 1, end - begin - 1));
}

// Everything but what stands for itself in a path.
std::string escaped(std::string_view text, bool keep_slashes) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || c == '.' || c == '~' || (c == '/' && keep_slashes);
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string status_words(const HttpResponse& response) {
  std::string words = fmt::format("status {}", response.status);
  const std::string message = response.header("x-error-message");
  if (!message.empty()) words += ": " + message.substr(0, message.find_first_of("\r\n"));
  return words;
}

}  // namespace

/// A small body, up to a limit.
class HubClient::TextReceiver : public HttpReceiver {
 public:
  bool begin(const HttpResponse& head) override { return head.status == kOk; }
  bool take(std::string_view bytes) override {
    if (text.size() + bytes.size() > kMaxText) {
      too_long = true;
      return false;
    }
    text += bytes;
    return true;
  }

  std::string text;
  bool too_long = false;
};

/// A file's bytes, as many as are expected.
class HubClient::FileReceiver : public HttpReceiver {
 public:
  FileReceiver(const HubFile& file, DownloadSink& sink) : file_(file), sink_(sink) {}

  bool begin(const HttpResponse& head) override {
    if (head.status != kOk && head.status != kPartial) return false;
    const std::string encoding = head.header("content-encoding");
    if (!encoding.empty() && encoding != "identity") {
      problem = fmt::format("comes as {}, although it was asked for as it is", encoding);
      return false;
    }
    const std::string range = head.header("content-range");  // "bytes 100-199/200"
    const bool goes_on =
        head.status == kPartial && range.starts_with("bytes ") &&
        number_in(std::string_view(range).substr(6)).value_or(UINT64_MAX) == sink_.size();
    if (!goes_on) {
      if (head.status == kPartial) return false;  // another part than was asked for
      sink_.restart();
    }
    const auto length = number_in(head.header("content-length"));
    if (length && sink_.size() + *length != file_.bytes) {
      problem =
          fmt::format("has {} bytes, but {} in the listing", sink_.size() + *length, file_.bytes);
      return false;
    }
    return true;
  }

  bool take(std::string_view bytes) override {
    if (bytes.size() > file_.bytes - sink_.size()) {
      problem = fmt::format("has more than the {} bytes of the listing", file_.bytes);
      return false;
    }
    sink_.append(bytes);
    return true;
  }

  std::string problem;  ///< what no repetition mends

 private:
  const HubFile& file_;
  DownloadSink& sink_;
};

HubClient::HubClient(HttpClient& http, const HubSettings& settings, std::string token, HubName name,
                     double longest_wait, const PullHooks& hooks)
    : http_(http),
      token_(std::move(token)),
      name_(std::move(name)),
      longest_wait_(longest_wait),
      hooks_(hooks) {
  const auto endpoint = parse_url(settings.endpoint);
  if (!endpoint || endpoint->rest.find('?') != std::string::npos) {
    throw Error(ExitCode::usage, "HF_ENDPOINT: '{}' is no http or https address",
                settings.endpoint);
  }
  endpoint_ = *endpoint;
  if (!token_.empty() && !may_have_token(endpoint_) && hooks_.note) {
    hooks_.note(fmt::format("{}: no token is sent there, since the connection is not encrypted",
                            settings.endpoint));
  }
}

Url HubClient::endpoint_url(const std::string& rest) const {
  Url url = endpoint_;
  while (url.rest.ends_with('/')) url.rest.pop_back();
  url.rest += rest;
  return url;
}

bool HubClient::may_have_token(const Url& url) const {
  return url.same_origin(endpoint_) && (url.scheme == "https" || url.is_loopback());
}

std::string HubClient::token_state() const {
  return token_.empty() ? "HF_TOKEN is not set" : "HF_TOKEN is set";
}

void HubClient::check_stop() const {
  if (hooks_.stop != nullptr && hooks_.stop->load()) {
    throw Error(ExitCode::failed, "{}: stopped; the same command goes on from here",
                to_string(name_));
  }
}

void HubClient::wait(double seconds) const {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kSlice{50};
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double>(seconds));
  check_stop();
  for (auto now = Clock::now(); now < end; now = Clock::now()) {
    std::this_thread::sleep_for(std::min<Clock::duration>(end - now, kSlice));
    check_stop();
  }
}

HubClient::Outcome HubClient::follow_redirects(const Url& start, std::uint64_t offset,
                                               HttpReceiver& receiver) {
  Url url = start;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    check_stop();
    HttpRequest request{url.text(), may_have_token(url) ? token_ : "", offset};
    if (hooks_.detail) hooks_.detail("GET " + url.text().substr(0, url.text().find('?')));
    HttpResponse response = http_.get(request, receiver);
    check_stop();
    if (!response.problem.empty() || !is_redirect(response.status))
      return {std::move(response), url};
    const auto next = resolve_location(url, response.header("location"));
    if (!next || (endpoint_.scheme == "https" && next->scheme != "https")) {
      throw Error(ExitCode::failed, "{}: {} redirects to where no file can be fetched safely: '{}'",
                  to_string(name_), url.host, response.header("location").substr(0, 200));
    }
    url = *next;
  }
  throw Error(ExitCode::failed, "{}: {} redirects more than {} times", to_string(name_), start.host,
              kMaxRedirects);
}

void HubClient::wait_for_limit(const HttpResponse& response, const std::string& host) {
  double seconds = std::max(reset_seconds(response.header("ratelimit")), response.retry_after);
  seconds = std::max(seconds, 1.0);
  if (waited_ + seconds > longest_wait_) {
    throw Error(ExitCode::failed,
                "{}: {} limits requests and asks to wait {}, longer than --timeout allows; try "
                "again later{}",
                to_string(name_), host, human_seconds(seconds),
                token_.empty() ? ", or set HF_TOKEN, which raises the limit" : "");
  }
  waited_ += seconds;
  if (hooks_.note) {
    hooks_.note(fmt::format("{} limits requests: waiting {}", host, human_seconds(seconds)));
  }
  wait(seconds);
}

void HubClient::prepare_retry(const Outcome& outcome, const std::string& problem,
                              Attempts& attempts) {
  if (outcome.response.is_untrusted) {
    throw Error(ExitCode::failed,
                "{}: {}: {} (SSL_CERT_FILE names the certificate authorities to trust)",
                to_string(name_), outcome.url.host, problem);
  }
  if (is_limit(outcome.response)) return wait_for_limit(outcome.response, outcome.url.host);
  if (attempts.progress) {  // a connection that is merely short
    attempts = {};
    return wait(kShortDelay);
  }
  if (++attempts.failed >= kMaxTries) {
    throw Error(ExitCode::failed,
                "{}: {}: {} ({} attempts); what is here is kept, and the same command goes on from "
                "there",
                to_string(name_), outcome.url.host, problem, attempts.failed);
  }
  // Not all at the same moments, where many wait for one hub.
  std::random_device random;
  const double share = 1.0 + static_cast<double>(random() % 256) / 1024.0;
  const double delay = std::ldexp(kFirstDelay * share, attempts.failed - 1);
  if (hooks_.note) {
    hooks_.note(
        fmt::format("{}: {}; next attempt in {}", outcome.url.host, problem, human_seconds(delay)));
  }
  wait(delay);
}

void HubClient::throw_refused(const Outcome& outcome, const std::string& what) const {
  const HttpResponse& response = outcome.response;
  const std::string code = response.header("x-error-code");
  const std::string page = endpoint_url("/" + name_.repo).text();
  if (code == "GatedRepo") {
    throw Error(ExitCode::model,
                "{}: is gated: accept its conditions at {} and pull with a token of that account "
                "({})",
                name_.repo, page, token_state());
  }
  if (code == "RevisionNotFound") {
    throw Error(ExitCode::model, "{}: has no revision '{}'", name_.repo, name_.revision);
  }
  if (code == "RepoNotFound" || (code.empty() && response.status == kUnauthorized)) {
    throw Error(
        ExitCode::model,
        "{}: {} has no such model, or it is private and needs a token that may read it ({})",
        name_.repo, endpoint_.host, token_state());
  }
  if (code == "EntryNotFound") {
    throw Error(ExitCode::failed, "{}: {} lists {} but does not have it", to_string(name_),
                endpoint_.host, what);
  }
  throw Error(response.status == kNotFound ? ExitCode::model : ExitCode::failed,
              "{}: {} answers {} for {}{}", to_string(name_), outcome.url.host,
              status_words(response), what,
              response.status == kForbidden ? " (" + token_state() + ")" : "");
}

namespace {

// Whether another attempt may go better.
bool is_worth_retrying(const HttpResponse& response) {
  return !response.problem.empty() || response.status == 0 || response.status == kTimedOut ||
         response.status >= kServerError || is_limit(response);
}

std::string problem_of(const HttpResponse& response) {
  return response.problem.empty() ? status_words(response) : response.problem;
}

}  // namespace

std::string HubClient::get_text(const Url& url, std::string& link) {
  for (Attempts attempts;;) {
    TextReceiver receiver;
    const Outcome outcome = follow_redirects(url, 0, receiver);
    if (receiver.too_long) {
      throw Error(ExitCode::failed, "{}: the answer is longer than {}", url.text(),
                  human_bytes(kMaxText));
    }
    if (is_worth_retrying(outcome.response)) {
      prepare_retry(outcome, problem_of(outcome.response), attempts);
      continue;
    }
    if (outcome.response.status != kOk) throw_refused(outcome, "its listing");
    link = outcome.response.header("link");
    return std::move(receiver.text);
  }
}

std::string HubClient::resolve_revision() {
  std::string link;
  const Url url = endpoint_url(
      fmt::format("/api/models/{}/revision/{}", name_.repo, escaped(name_.revision, false)));
  const std::string text = get_text(url, link);
  return parse_revision(text, url.text());
}

std::vector<HubFile> HubClient::list_files(const std::string& commit) {
  std::vector<HubFile> files;
  const Url first =
      endpoint_url(fmt::format("/api/models/{}/tree/{}?recursive=true", name_.repo, commit));
  std::optional<Url> url = first;
  for (int page = 0;; ++page) {
    std::string link;
    const std::string text = get_text(*url, link);
    parse_listing(text, first.text(), files);
    const std::string next = next_page(link);
    if (next.empty()) break;
    url = resolve_location(*url, next);
    if (!url || !url->same_origin(endpoint_) || page == kMaxPages) {
      throw Error(ExitCode::failed, "{}: the listing goes on elsewhere, or without an end",
                  first.text());
    }
  }
  check_listing(files, first.text());
  return files;
}

void HubClient::download(const std::string& commit, const HubFile& file, DownloadSink& sink) {
  const Url url =
      endpoint_url(fmt::format("/{}/resolve/{}/{}", name_.repo, commit, escaped(file.path, true)));
  Attempts attempts;
  if (sink.size() > file.bytes) sink.restart();
  bool complete = sink.size() == file.bytes && file.bytes > 0;
  while (!complete) {
    const std::uint64_t before = sink.size();
    FileReceiver receiver(file, sink);
    const Outcome outcome = follow_redirects(url, before, receiver);
    const HttpResponse& response = outcome.response;
    if (!receiver.problem.empty()) {
      throw Error(ExitCode::failed, "{}: {} from {} {}", to_string(name_), file.path,
                  outcome.url.host, receiver.problem);
    }
    const bool has_body = response.status == kOk || response.status == kPartial;
    complete = response.problem.empty() && has_body && sink.size() == file.bytes;
    if (complete) break;
    attempts.progress = sink.size() >= before + kProgress;
    // A range that cannot be had: begin anew. So, too, where an address that was signed for a time
    // has run out.
    const bool is_elsewhere = !outcome.url.same_origin(endpoint_);
    const bool may_have_run_out = is_elsewhere && response.status == kForbidden;
    if (response.status == kRangeRefused ||
        (response.status == kPartial && sink.size() == before)) {
      sink.restart();
    } else if (!has_body && !may_have_run_out && !is_worth_retrying(response)) {
      throw_refused(outcome, file.path);
    }
    const bool is_cut = has_body && response.problem.empty();
    prepare_retry(outcome, is_cut ? "the connection ends early" : problem_of(response), attempts);
  }
}

}  // namespace embedtool
