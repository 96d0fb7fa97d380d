#include "formats/hub/http.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace embedtool {
namespace {

constexpr std::size_t kLongest = 8192;
constexpr int kHttpPort = 80;
constexpr int kHttpsPort = 443;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

int default_port(std::string_view scheme) {
  return scheme == "https" ? kHttpsPort : kHttpPort;
}

// Takes the port off an authority; false if it is none.
bool take_port(std::string& authority, int& port) {
  const std::size_t colon = authority.rfind(':');
  const std::size_t bracket = authority.rfind(']');
  if (colon == std::string::npos || (bracket != std::string::npos && colon < bracket)) return true;
  constexpr int kMostPort = 65535;
  const char* end = authority.data() + authority.size();
  const auto [stop, error] = std::from_chars(authority.data() + colon + 1, end, port);
  authority.resize(colon);
  return error == std::errc() && stop == end && port > 0 && port <= kMostPort;
}

}  // namespace

bool Url::is_loopback() const {
  // A name may begin with digits as well.
  const bool is_ipv4 = host.find_first_not_of("0123456789.") == std::string::npos;
  return host == "localhost" || host == "[::1]" || (is_ipv4 && host.starts_with("127."));
}

std::string Url::text() const {
  if (port == default_port(scheme)) return fmt::format("{}://{}{}", scheme, host, rest);
  return fmt::format("{}://{}:{}{}", scheme, host, port, rest);
}

std::optional<Url> parse_url(std::string_view text) {
  const auto is_odd = [](char c) { return c <= ' ' || c > '~' || c == '\\'; };
  if (text.size() > kLongest || std::any_of(text.begin(), text.end(), is_odd)) return std::nullopt;
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  Url url;
  url.scheme = lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") return std::nullopt;
  text.remove_prefix(colon + 3);
  text = text.substr(0, text.find('#'));
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  url.host = lower(text.substr(0, end));
  url.rest = text.substr(end);
  if (!url.rest.starts_with('/')) url.rest.insert(0, 1, '/');
  url.port = default_port(url.scheme);
  const bool is_plain = url.host.find('@') == std::string::npos && take_port(url.host, url.port);
  if (!is_plain || url.host.empty()) return std::nullopt;
  return url;
}

std::optional<Url> resolve_location(const Url& base, std::string_view location) {
  if (location.empty()) return std::nullopt;
  if (location.starts_with("//")) return parse_url(base.scheme + ":" + std::string(location));
  if (location.find("://") < location.find_first_of("/?#")) return parse_url(location);
  Url url = base;
  if (location.front() == '/') {
    url.rest = location;
  } else {
    const std::string path = base.rest.substr(0, base.rest.find('?'));
    url.rest = path.substr(0, path.rfind('/') + 1) + std::string(location);
  }
  return parse_url(url.text());
}

}  // namespace embedtool
