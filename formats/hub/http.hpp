#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace embedtool {

/// An http or https address, cut where it matters here.
struct Url {
  std::string scheme;  ///< "http" or "https"
  std::string host;    ///< lower case, an IPv6 address in brackets
  int port = 0;        ///< that of the scheme if none is given
  std::string rest;    ///< path and query, from '/' on

  /// Whether a token for one may be sent to the other.
  bool same_origin(const Url& other) const {
    return scheme == other.scheme && host == other.host && port == other.port;
  }
  bool is_loopback() const;
  std::string text() const;
};

/// Nothing for anything else: other schemes, a user name, blanks or control characters, more than
/// 8 KiB.
std::optional<Url> parse_url(std::string_view text);
/// Where a Location header leads from `base`: an address, or a path on the same host.
std::optional<Url> resolve_location(const Url& base, std::string_view location);

struct HttpRequest {
  std::string url;
  std::string token;         ///< sent as a bearer token; "" = none
  std::uint64_t offset = 0;  ///< bytes wanted from here on
};

struct HttpResponse {
  int status = 0;  ///< 0 = no answer
  /// Only those that kKeptHeaders names, in lower case.
  std::map<std::string, std::string, std::less<>> headers;
  double retry_after = 0;     ///< seconds that Retry-After asks for; 0 = none
  std::string problem;        ///< what went wrong with the connection; "" = nothing
  bool is_untrusted = false;  ///< the certificate is not trusted; another attempt is no use

  std::string header(std::string_view name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

/// Takes an answer as it arrives.
class HttpReceiver {
 public:
  virtual ~HttpReceiver() = default;
  /// Once the headers are there; false: the body is not wanted.
  virtual bool begin(const HttpResponse& head) = 0;
  /// The next bytes of the body; false ends the transfer.
  virtual bool take(std::string_view bytes) = 0;
};

/// Gets an address, once: follows no redirect and tries nothing again.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  /// What goes wrong on the way is in the response; what the receiver throws comes out.
  virtual HttpResponse get(const HttpRequest& request, HttpReceiver& receiver) = 0;
};

/// How a CurlClient waits, and for whom.
struct CurlOptions {
  double stall_seconds = 30;  ///< a transfer ends that brings next to nothing for so long
  const std::atomic<bool>* stop = nullptr;  ///< ends a transfer when it becomes true
};

/// A client by libcurl, which is loaded at run time here and nowhere else. Proxies are taken from
/// HTTPS_PROXY and its like, authorities from SSL_CERT_FILE. Throws Error(failed) where libcurl
/// cannot be loaded. Not thread-safe.
std::unique_ptr<HttpClient> make_curl_client(const CurlOptions& options);

}  // namespace embedtool
