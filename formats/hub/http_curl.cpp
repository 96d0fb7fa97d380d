// libcurl, loaded at run time: only `pull` uses a network, so nothing else of the program should
// even have the code for it in memory.
#include <dlfcn.h>

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <utility>

#include "core/base/error.hpp"
#include "formats/hub/http.hpp"

namespace embedtool {
namespace {

constexpr auto kKeptHeaders = std::to_array<std::string_view>(
    {"location", "link", "ratelimit", "x-error-code", "x-error-message", "x-repo-commit",
     "content-range", "content-encoding", "content-length"});
constexpr std::size_t kMaxHeader = 16384;
constexpr long kConnectSeconds = 15;
constexpr long kSlowest = 512;  // bytes a second; a connection that is slower is as good as dead

/// libcurl's functions, those that are used.
struct Curl {
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&::curl_easy_reset) easy_reset = nullptr;
  decltype(&::curl_easy_setopt) easy_setopt = nullptr;
  decltype(&::curl_easy_perform) easy_perform = nullptr;
  decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;
};

Curl load_curl() {
  void* library = nullptr;
  for (const char* name : {"libcurl.so.4", "libcurl-gnutls.so.4"}) {
    if (library == nullptr) library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
  }
  if (library == nullptr) {
    throw Error(ExitCode::failed, "pull needs libcurl: {} (install libcurl4)", ::dlerror());
  }
  Curl curl;
  const auto find = [library](auto& function, const char* name) {
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
    if (function == nullptr) throw Error(ExitCode::failed, "libcurl lacks {}", name);
  };
  find(curl.global_init, "curl_global_init");
  find(curl.easy_init, "curl_easy_init");
  find(curl.easy_cleanup, "curl_easy_cleanup");
  find(curl.easy_reset, "curl_easy_reset");
  find(curl.easy_setopt, "curl_easy_setopt");
  find(curl.easy_perform, "curl_easy_perform");
  find(curl.easy_getinfo, "curl_easy_getinfo");
  find(curl.easy_strerror, "curl_easy_strerror");
  find(curl.slist_append, "curl_slist_append");
  find(curl.slist_free_all, "curl_slist_free_all");
  if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    throw Error(ExitCode::failed, "libcurl cannot be initialised");
  }
  return curl;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

/// One transfer: gathers the head, hands the body on, and keeps what is thrown on the way, since
/// exceptions must not pass through C.
class Transfer {
 public:
  Transfer(HttpReceiver& receiver, const std::atomic<bool>* stop)
      : receiver_(receiver), stop_(stop) {}

  static std::size_t take_header(char* data, std::size_t size, std::size_t count, void* self) {
    return static_cast<Transfer*>(self)->header({data, size * count}) ? size * count : 0;
  }
  static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* self) {
    return static_cast<Transfer*>(self)->body({data, size * count}) ? size * count : 0;
  }
  static int look(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const auto* stop = static_cast<Transfer*>(self)->stop_;
    return stop != nullptr && stop->load() ? 1 : 0;
  }

  bool ended_by_receiver() const { return ended_; }
  HttpResponse& response() { return response_; }
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  bool header(std::string_view line) {
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {
      // "HTTP/1.1 200 OK"; what went before was of a proxy, or "100 Continue".
      response_.headers.clear();
      const std::size_t blank = line.find(' ');
      response_.status =
          blank == line.npos ? 0 : std::atoi(std::string(line.substr(blank)).c_str());
      return true;
    }
    const std::size_t colon = line.find(':');
    if (colon == line.npos || line.size() > kMaxHeader) return true;
    const std::string name = lower(line.substr(0, colon));
    if (std::find(kKeptHeaders.begin(), kKeptHeaders.end(), name) == kKeptHeaders.end())
      return true;
    line.remove_prefix(std::min(line.find_first_not_of(" \t", colon + 1), line.size()));
    response_.headers.insert_or_assign(name, std::string(line));
    return true;
  }

  bool body(std::string_view bytes) {
    return guarded([&] {
      if (!begun_) {
        begun_ = true;
        if (!receiver_.begin(response_)) return false;
      }
      return receiver_.take(bytes);
    });
  }

  template <typename Work>
  bool guarded(const Work& work) {
    try {
      if (work()) return true;
    } catch (...) {
      thrown_ = std::current_exception();
    }
    ended_ = true;
    return false;
  }

  HttpReceiver& receiver_;
  const std::atomic<bool>* stop_;
  HttpResponse response_;
  std::exception_ptr thrown_;
  bool begun_ = false;
  bool ended_ = false;
};

class CurlClient final : public HttpClient {
 public:
  explicit CurlClient(const CurlOptions& options)
      : options_(options), curl_(load_curl()), handle_(curl_.easy_init()) {
    if (handle_ == nullptr) throw Error(ExitCode::failed, "libcurl cannot be initialised");
  }
  ~CurlClient() override { curl_.easy_cleanup(handle_); }
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;

  HttpResponse get(const HttpRequest& request, HttpReceiver& receiver) override {
    Transfer transfer(receiver, options_.stop);
    curl_.easy_reset(handle_);  // keeps the connections
    curl_slist* headers = curl_.slist_append(nullptr, "Accept-Encoding: identity");
    if (!request.token.empty()) {
      const std::string line = "Authorization: Bearer " + request.token;
      headers = curl_.slist_append(headers, line.c_str());
    }
    set(CURLOPT_HTTPHEADER, headers);
    set(CURLOPT_URL, request.url.c_str());
    set_up(transfer);
    // Not CURLOPT_RESUME_FROM, by which an answer from the beginning would be an error.
    const std::string range = std::to_string(request.offset) + "-";
    if (request.offset > 0) set(CURLOPT_RANGE, range.c_str());
    std::array<char, CURL_ERROR_SIZE> message{};
    set(CURLOPT_ERRORBUFFER, message.data());
    const CURLcode code = curl_.easy_perform(handle_);
    set(CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
    curl_.slist_free_all(headers);
    transfer.rethrow();
    HttpResponse response = std::move(transfer.response());
    curl_off_t seconds = 0;
    curl_.easy_getinfo(handle_, CURLINFO_RETRY_AFTER, &seconds);
    response.retry_after = static_cast<double>(seconds);
    if (code != CURLE_OK && !transfer.ended_by_receiver()) {
      response.problem = message[0] != '\0' ? message.data() : curl_.easy_strerror(code);
      response.is_untrusted =
          code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
    }
    return response;
  }

 private:
  template <typename T>
  void set(CURLoption option, T value) {
    if (curl_.easy_setopt(handle_, option, value) != CURLE_OK) {
      throw Error(ExitCode::failed, "libcurl refuses its option {}", static_cast<int>(option));
    }
  }

  void set_up(Transfer& transfer) {
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_USERAGENT, "embedtool");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    set(CURLOPT_LOW_SPEED_LIMIT, kSlowest);
    set(CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(options_.stall_seconds)));
    set(CURLOPT_HEADERFUNCTION, &Transfer::take_header);
    set(CURLOPT_HEADERDATA, &transfer);
    set(CURLOPT_WRITEFUNCTION, &Transfer::take_body);
    set(CURLOPT_WRITEDATA, &transfer);
    set(CURLOPT_XFERINFOFUNCTION, &Transfer::look);
    set(CURLOPT_XFERINFODATA, &transfer);
    set(CURLOPT_NOPROGRESS, 0L);
    // The curl command reads this variable, the library does not.
    if (const char* authorities = std::getenv("SSL_CERT_FILE");
        authorities != nullptr && *authorities != '\0') {
      set(CURLOPT_CAINFO, authorities);
    }
  }

  CurlOptions options_;
  Curl curl_;
  CURL* handle_;
};

}  // namespace

std::unique_ptr<HttpClient> make_curl_client(const CurlOptions& options) {
  return std::make_unique<CurlClient>(options);
}

}  // namespace embedtool
